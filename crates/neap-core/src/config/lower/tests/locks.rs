//! Where the lock lies.

use super::*;
use crate::desired::LockPlace;

fn lowered(lock: &str) -> Result<LockPlace, Vec<Mistake>> {
    let text = edited("name = \"course\"", &format!("name = \"course\"\n{lock}"));
    lower_text(&text).map(|desired| desired.lock)
}

#[test]
fn a_lock_is_a_parameter_unless_the_stack_says_otherwise() {
    let s3 = |bucket: &str, prefix: &str| LockPlace::S3 { bucket: bucket.into(), prefix: prefix.into() };
    for (text, expected) in [
        ("", LockPlace::Ssm),
        ("lock = \"ssm\"", LockPlace::Ssm),
        ("lock = \"none\"", LockPlace::None),
        ("lock = \"s3://my-bucket\"", s3("my-bucket", "")),
        ("lock = \"s3://my-bucket/\"", s3("my-bucket", "")),
        ("lock = \"s3://my.bucket/a/b_c\"", s3("my.bucket", "a/b_c/")),
        ("lock = \"s3://my-bucket/a/\"", s3("my-bucket", "a/")),
    ] {
        assert_eq!(lowered(text), Ok(expected), "{text}");
    }
}

#[test]
fn what_is_no_place_for_a_lock_is_told_where_it_stands() {
    for (text, message) in [
        ("dynamodb", "`dynamodb` is no place for a lock"),
        ("", "`` is no place for a lock"),
        ("s3://", "`` is not the name of a bucket"),
        ("s3://My_Bucket/x", "`My_Bucket` is not the name of a bucket"),
        ("s3://-bucket", "`-bucket` is not the name of a bucket"),
        ("s3://my-bucket/a b", "` ` does not belong into the name of an object"),
    ] {
        let mistakes = lowered(&format!("lock = \"{text}\"")).expect_err("a mistake");
        let told: Vec<_> = mistakes.iter().map(|it| (it.path.join("."), it.message.as_str())).collect();
        assert_eq!(told, [("stack.lock".to_owned(), message)]);
    }
}
