//! Secrets as users name them: `ssm:/path`, `secretsmanager:name`, or an ARN.
//!
//! Decides which ARN each stands for, and what a role must be allowed for it. Must not know their values.

use super::context::Lowering;
use super::place::Place;

/// The ARN of the secret that `text` names, as a task definition takes it.
pub(super) fn arn(lowering: &mut Lowering<'_>, place: &Place, text: &str) -> String {
    lowering.plain(place, text);
    let arn = parameter(text).or_else(|| secret(text)).or_else(|| given(text));
    arn.unwrap_or_else(|| {
        lowering
            .report(place, format!("`{text}` does not name a secret"))
            .help("write `ssm:/path` for a parameter of the Parameter Store")
            .help("write `secretsmanager:name`, or `secretsmanager:name:key` for one key of its JSON")
            .help("or the ARN of either");
        text.to_owned()
    })
}

fn parameter(text: &str) -> Option<String> {
    let name = text.strip_prefix("ssm:")?.trim_start_matches('/');
    let fits = |c: char| c.is_ascii_alphanumeric() || "_.-/".contains(c);
    let is_name = !name.is_empty() && name.chars().all(fits);
    is_name.then(|| format!("arn:${{aws.partition}}:ssm:${{aws.region}}:${{aws.account}}:parameter/{name}"))
}

fn secret(text: &str) -> Option<String> {
    let rest = text.strip_prefix("secretsmanager:")?;
    let fits = |c: char| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c);
    let is_name = |name: &str| !name.is_empty() && name.chars().all(fits);
    match rest.split_once(':') {
        None => is_name(rest).then(|| format!("${{secret.{rest}}}")),
        // ECS takes a key, a version stage and a version after the ARN; the last two may stay empty.
        Some((name, key)) => {
            let fits = is_name(name) && !key.is_empty() && !key.contains(':');
            fits.then(|| format!("${{secret.{name}}}:{key}::"))
        }
    }
}

fn given(text: &str) -> Option<String> {
    let service = text.strip_prefix("arn:")?.split(':').nth(1)?;
    matches!(service, "ssm" | "secretsmanager").then(|| text.to_owned())
}

/// The action that reads the secret with this ARN, and the resource that a policy must name for it.
pub(super) fn permission(arn: &str) -> (&'static str, String) {
    let manager = "secretsmanager:GetSecretValue";
    if arn.starts_with("${secret.") {
        let end = arn.find('}').map_or(arn.len(), |end| end + 1);
        return (manager, arn[..end].to_owned());
    }
    match arn.split(':').nth(2) {
        Some("ssm") => ("ssm:GetParameters", arn.to_owned()),
        _ => (manager, arn.split(':').take(7).collect::<Vec<_>>().join(":")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permissions_name_the_secret_without_its_key() {
        let check = |arn: &str, action: &str, resource: &str| {
            assert_eq!(permission(arn), (action_of(action), resource.to_owned()));
        };
        check("arn:aws:ssm:r:1:parameter/a", "ssm", "arn:aws:ssm:r:1:parameter/a");
        check("${secret.db}:password::", "secretsmanager", "${secret.db}");
        check("arn:aws:secretsmanager:r:1:secret:db-AbCdEf:password::", "secretsmanager", ARN);
    }

    const ARN: &str = "arn:aws:secretsmanager:r:1:secret:db-AbCdEf";

    fn action_of(service: &str) -> &'static str {
        if service == "ssm" { "ssm:GetParameters" } else { "secretsmanager:GetSecretValue" }
    }

    #[test]
    fn names_become_arns() {
        let prefix = "arn:${aws.partition}:ssm:${aws.region}:${aws.account}:parameter";
        assert_eq!(parameter("ssm:/course/db"), Some(format!("{prefix}/course/db")));
        assert_eq!(parameter("ssm:db"), Some(format!("{prefix}/db")));
        assert_eq!(parameter("ssm:a b"), None);
        assert_eq!(secret("secretsmanager:course/db").as_deref(), Some("${secret.course/db}"));
        assert_eq!(secret("secretsmanager:db:user").as_deref(), Some("${secret.db}:user::"));
        assert_eq!(secret("secretsmanager:"), None);
        assert_eq!(given("arn:aws:s3:::bucket"), None);
    }
}
