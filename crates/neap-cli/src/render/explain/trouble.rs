//! What AWS says when something cannot become ready, or cannot be made at all: a few well-known sentences.
//!
//! Decides by the words alone, the specific before the general. The sentences are those that AWS documents or that its
//! users report.

use super::Explanation;

/// A sentence, what it means, and what to do.
struct Trouble {
    /// Words of the sentence, in lower case: all of them must be there.
    words: &'static [&'static str],
    cause: &'static str,
    fix: &'static str,
}

const TROUBLES: [Trouble; 29] = [
    Trouble {
        words: &["capacity is unavailable"],
        cause: "AWS has no Fargate capacity left in these availability zones",
        fix: "run it again later, name subnets in more zones, or use `FARGATE` where the service asks for `FARGATE_SPOT`",
    },
    Trouble {
        words: &["limit on the number of", "vcpu"],
        cause: "the account may run no more Fargate vCPUs at once",
        fix: "raise `Fargate On-Demand vCPU resource count` in the Service Quotas console, or run fewer or smaller tasks",
    },
    Trouble {
        words: &["requested more vcpu capacity"],
        cause: "the account may run no more vCPUs of such instances at once",
        fix: "raise `Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances`, for Spot `All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests`, under EC2 in the Service Quotas console, or take a smaller type",
    },
    Trouble {
        words: &["requested more instances", "limit"],
        cause: "the account may run no more instances of this type at once",
        fix: "ask for more in the Service Quotas console, under EC2, or take another `instance_type`",
    },
    Trouble {
        words: &["max spot instance count exceeded"],
        cause: "the account may run no more Spot instances at once",
        fix: "raise `All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests` under EC2 in the Service Quotas console, or set `spot = false`",
    },
    Trouble {
        words: &["not have sufficient", "capacity"],
        cause: "AWS has no room for such instances in this zone now",
        fix: "AWS goes on trying by itself; another `instance_type`, or `subnets` in more zones, may be quicker",
    },
    Trouble {
        words: &["no spot capacity"],
        cause: "AWS has no spare capacity for such instances now",
        fix: "AWS goes on trying by itself; another `instance_type`, or `spot = false`, is quicker",
    },
    Trouble {
        words: &["could not launch spot instances"],
        cause: "AWS has no spare capacity for such instances now, or not at this price",
        fix: "AWS goes on trying by itself; another `instance_type`, or `spot = false`, is quicker",
    },
    Trouble {
        words: &["not eligible for free tier"],
        cause: "the account is on AWS's free plan, which has few types of instances",
        fix: "take a type that it has (`aws ec2 describe-instance-types --filters Name=free-tier-eligible,Values=true`), or move the account to the paid plan",
    },
    Trouble {
        words: &["conflicts with another subnet"],
        cause: "another subnet of the VPC has some of these addresses: one that somebody else made, or one that is not gone yet",
        fix: "run it again; if that does not help, `aws ec2 describe-subnets` shows whose they are: delete that subnet, or name other blocks in `[network]`",
    },
    Trouble {
        words: &["image id", "does not exist"],
        cause: "the image that instances start from is not there, or not in this region",
        fix: "name one that is in `image`, or leave it out for the one that AWS recommends",
    },
    Trouble {
        words: &["does not match the architecture"],
        cause: "the image that instances start from is built for another processor than theirs",
        fix: "name another `image` or another `instance_type`, or leave `image` out for the one that AWS recommends",
    },
    Trouble {
        words: &["key pair", "does not exist"],
        cause: "there is no key pair of that name in this region",
        fix: "create it (`aws ec2 create-key-pair`), or take `key_pair` out",
    },
    Trouble {
        words: &["configuration is currently not supported"],
        cause: "AWS does not start such instances as they are asked for in these zones",
        fix: "take another `instance_type`, or `subnets` in other zones",
    },
    Trouble {
        words: &["availability zones", "cannot be associated with a load balancer"],
        cause: "AWS has no load balancers in one of these availability zones",
        fix: "name subnets in other zones: `subnets` of the load balancer leaves the one out that the message names",
    },
    Trouble {
        words: &["does not support creating load balancers"],
        cause: "AWS has not opened load balancers for this account yet",
        fix: "ask AWS Support, under account and billing, to open them",
    },
    Trouble {
        words: &["account must be verified", "cloudfront"],
        cause: "AWS has not verified this account for CloudFront yet",
        fix: "open a case with AWS Support that quotes this message, and run it again once they have verified the account: what is made stands",
    },
    Trouble {
        words: &["pending validation, which looks for"],
        cause: "DNS does not answer with the records that show whose the names are",
        fix: "put the records that the message names where the domain's DNS is, and run it again",
    },
    Trouble {
        words: &["pending validation"],
        cause: "the records are in the hosted zone, and ACM does not find them",
        fix: "let the domain's registrar name the name servers of this hosted zone: `dig NS` with the domain shows which it names",
    },
    Trouble {
        words: &["has no internet gateway"],
        cause: "the VPC has no way to the internet, and the load balancer is to face it",
        fix: "attach an internet gateway to the VPC, or set `scheme = \"internal\"`",
    },
    Trouble {
        words: &["not enough ip space"],
        cause: "a subnet has too few free addresses: a load balancer needs eight in each",
        fix: "free addresses, or name larger subnets",
    },
    Trouble {
        words: &["unable to assume the service linked role"],
        cause: "ECS does not have its own role in this account yet",
        fix: "run it again in a minute; if that does not help, `aws iam create-service-linked-role --aws-service-name ecs.amazonaws.com`",
    },
    Trouble {
        words: &["cannotpullcontainererror"],
        cause: "the tasks could not pull their image",
        fix: "check that the image and its tag exist and were pushed, and that the tasks reach the registry: a public IP address or a NAT gateway",
    },
    Trouble {
        words: &["resourceinitializationerror", "secret"],
        cause: "the tasks could not read their secrets",
        fix: "check that the secret exists and that the execution role may read it",
    },
    Trouble {
        words: &["resourceinitializationerror"],
        cause: "the tasks could not be set up: they did not reach a service that they need first",
        fix: "give the tasks a way out, a public IP address or a NAT gateway, and let their security group send",
    },
    Trouble {
        words: &["exec format error"],
        cause: "the image is built for another processor than the tasks run on",
        fix: "build it for that processor, or set `architecture` in the task",
    },
    Trouble {
        words: &["outofmemory"],
        cause: "a container used more memory than it has",
        fix: "give the task more `memory`",
    },
    Trouble {
        words: &["health check"],
        cause: "the tasks run, and the load balancer does not find them well",
        fix: "check the path, port and `matcher` of the health check, and that the container listens on 0.0.0.0",
    },
    Trouble {
        words: &["circuit breaker"],
        cause: "the tasks stopped again and again, so ECS broke the deployment off",
        fix: "`aws ecs describe-services` shows the service's events, and its log group what the containers said",
    },
];

/// What is behind `text`, if it is one of the sentences.
pub(super) fn of(text: &str) -> Option<Explanation> {
    let lower = text.to_ascii_lowercase();
    let found = TROUBLES.iter().find(|trouble| trouble.words.iter().all(|words| lower.contains(words)))?;
    Some(Explanation::new(found.cause, [found.fix.to_owned()]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_are_in_lower_case_and_lead_to_their_own_cause() {
        for trouble in &TROUBLES {
            let sentence = trouble.words.join(" … ");
            assert_eq!(sentence, sentence.to_ascii_lowercase());
            let found = of(&sentence.to_ascii_uppercase()).expect("a cause");
            assert_eq!(
                found.cause.as_deref(),
                Some(trouble.cause),
                "hidden behind an earlier one: {sentence}"
            );
        }
    }

    #[test]
    fn the_specific_goes_before_the_general() {
        let broken = "(service api) deployment failed: circuit breaker: tasks failed to start: CannotPullContainerError: not found";
        assert_eq!(
            of(broken).and_then(|it| it.cause).as_deref(),
            Some("the tasks could not pull their image")
        );
        assert_eq!(of("provisioning"), None);
    }
}
