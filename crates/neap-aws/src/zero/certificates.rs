//! Certificates, all of them in the region and in the one that CloudFront takes them from: they have no names.

use aws_sdk_acm::types as sdk;
use neap_core::naming::CLOUDFRONT_REGION;
use neap_core::zero::{Seen, Thing};
use neap_engine::cloud::CallError;

use super::{Part, each, tags};
use crate::client::Aws;
use crate::error::failed;

pub(super) async fn look(aws: &Aws) -> Part {
    let mut part = region(&aws.certificates).await;
    let is_elsewhere = aws.region != CLOUDFRONT_REGION;
    if is_elsewhere && !aws.region.starts_with("cn-") && !aws.region.starts_with("us-gov-") {
        part.merge(region(&aws.certificates_of_cloudfront).await);
    }
    part
}

async fn region(acm: &aws_sdk_acm::Client) -> Part {
    let mut part = Part::default();
    let listed = part.take(list(acm).await);
    let answers =
        each(&listed, async |it| tags_of(acm, it.certificate_arn().unwrap_or_default()).await).await;
    for (certificate, answer) in listed.iter().zip(answers) {
        let tags = part.take(answer);
        let arn = certificate.certificate_arn().unwrap_or_default();
        let seen = Seen::new(Thing::Certificate, arn, certificate.domain_name().unwrap_or_default());
        part.seen.push(Seen { tags, ..seen });
    }
    part
}

async fn list(acm: &aws_sdk_acm::Client) -> Result<Vec<sdk::CertificateSummary>, CallError> {
    let all =
        ["RSA_1024", "RSA_2048", "RSA_3072", "RSA_4096", "EC_prime256v1", "EC_secp384r1", "EC_secp521r1"];
    let mut listed = Vec::new();
    let mut next = None;
    loop {
        // All kinds of keys; those that are left out are not listed.
        let kinds = all.iter().map(|name| sdk::KeyAlgorithm::from(*name)).collect();
        let filters = sdk::Filters::builder().set_key_types(Some(kinds)).build();
        let answer = acm.list_certificates().includes(filters).set_next_token(next).send().await;
        let answer = answer.map_err(failed("acm:ListCertificates"))?;
        listed.extend(answer.certificate_summary_list.unwrap_or_default());
        next = answer.next_token;
        if next.is_none() {
            return Ok(listed);
        }
    }
}

async fn tags_of(
    acm: &aws_sdk_acm::Client,
    arn: &str,
) -> Result<std::collections::BTreeMap<String, String>, CallError> {
    let answer = acm.list_tags_for_certificate().certificate_arn(arn).send().await;
    let answer = answer.map_err(failed("acm:ListTagsForCertificate"))?;
    Ok(tags(answer.tags().iter().map(|tag| (tag.key(), tag.value().unwrap_or_default()))))
}
