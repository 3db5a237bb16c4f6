//! Sending files to S3: small ones in one request, large ones in parts.
//!
//! Decides how much is in memory at one time. Must not know which files, nor in which order.

use std::pin::pin;

use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types as sdk;
use aws_smithy_types::base64;
use futures_util::stream::{FuturesUnordered, StreamExt};
use neap_core::address::Address;
use neap_core::files::{File, MARK, WHOLE};
use neap_core::kinds::BucketFiles;
use neap_engine::cloud::CallError;
use tokio::sync::{Semaphore, SemaphorePermit};
use tracing::debug;

use crate::client::Aws;
use crate::error::{failed, if_made, incomplete};

/// What all calls of an upload ask for, breaking one off apart.
const PUT: &str = "s3:PutObject";
/// How much of all files together is in memory at one time, in KiB.
const MEMORY: u32 = 64 * 1024;
/// How many parts of one file are under way at one time.
const PARTS_AT_ONCE: usize = 4;

/// Sends the files of one bucket.
pub(super) struct Uploader<'a> {
    aws: &'a Aws,
    account: &'a str,
    address: &'a Address,
    bucket: &'a str,
    folder: &'a str,
    memory: Semaphore,
}

impl<'a> Uploader<'a> {
    pub(super) async fn new(
        aws: &'a Aws,
        address: &'a Address,
        files: &'a BucketFiles,
    ) -> Result<Self, CallError> {
        let account = aws.identity().await?.account.as_str();
        let memory = Semaphore::new(usize::try_from(MEMORY).unwrap_or(usize::MAX));
        Ok(Self { aws, account, address, bucket: &files.bucket, folder: &files.folder, memory })
    }

    /// Sends one file, as it was planned, and returns its ETag.
    pub(super) async fn send(&self, key: &str, file: &File) -> Result<String, CallError> {
        if file.size > WHOLE { self.in_parts(key, file).await } else { self.whole(key, file).await }
    }

    async fn whole(&self, key: &str, file: &File) -> Result<String, CallError> {
        let _room = room(&self.memory, file.size).await;
        let content = self.aws.folders.whole(self.folder, key, file)?;
        let call = self.aws.s3.put_object().bucket(self.bucket).key(key).expected_bucket_owner(self.account);
        let call = call
            .content_type(&file.content_type)
            .set_cache_control(file.cache_control.clone())
            .metadata(MARK, &file.sha256)
            // S3 refuses what arrives otherwise.
            .set_checksum_sha256(checksum(&file.sha256))
            .body(ByteStream::from(content));
        // A bucket that was made a moment ago is not known everywhere.
        let answer = call.send().await.map_err(failed(PUT)).map_err(if_made)?;
        self.aws.transfers.arrived(self.address, file.size);
        answer.e_tag.ok_or_else(|| incomplete(PUT, "ETag"))
    }

    /// Begins an upload, sends the parts and ends it. One that fails is broken off, so that S3 does not keep its parts; of one whose
    /// process dies the bucket's lifecycle takes care.
    async fn in_parts(&self, key: &str, file: &File) -> Result<String, CallError> {
        let call = self.aws.s3.create_multipart_upload().bucket(self.bucket).key(key);
        let call = call
            .expected_bucket_owner(self.account)
            .content_type(&file.content_type)
            .set_cache_control(file.cache_control.clone())
            .metadata(MARK, &file.sha256);
        let answer = call.send().await.map_err(failed(PUT)).map_err(if_made)?;
        let upload = answer.upload_id.ok_or_else(|| incomplete(PUT, "UploadId"))?;
        let outcome = self.parts(key, file, &upload).await;
        if outcome.is_err() {
            let call = self.aws.s3.abort_multipart_upload().bucket(self.bucket).key(key).upload_id(&upload);
            let answer = call.expected_bucket_owner(self.account).send().await;
            if let Err(error) = answer.map_err(failed("s3:AbortMultipartUpload")) {
                debug!(?error.kind, "an upload is not broken off");
            }
        }
        outcome
    }

    async fn parts(&self, key: &str, file: &File, upload: &str) -> Result<String, CallError> {
        let mut source = self.aws.folders.parts(self.folder, key, file)?;
        let size = neap_core::files::part_size(file.size);
        let next = |number, room| {
            let content = source.next_part()?;
            Ok(content.map(|content| self.part(key, upload, number, content, room)))
        };
        let mut done = in_room(&self.memory, size, next).await?;
        done.sort_by_key(sdk::CompletedPart::part_number);
        let parts = sdk::CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let call = self.aws.s3.complete_multipart_upload().bucket(self.bucket).key(key).upload_id(upload);
        let call = call.expected_bucket_owner(self.account).multipart_upload(parts);
        let answer = call.send().await.map_err(failed(PUT))?;
        answer.e_tag.ok_or_else(|| incomplete(PUT, "ETag"))
    }

    async fn part(
        &self,
        key: &str,
        upload: &str,
        number: i32,
        content: Vec<u8>,
        _room: Option<SemaphorePermit<'_>>,
    ) -> Result<sdk::CompletedPart, CallError> {
        let size = content.len() as u64;
        let call =
            self.aws.s3.upload_part().bucket(self.bucket).key(key).upload_id(upload).part_number(number);
        let call = call.expected_bucket_owner(self.account).body(ByteStream::from(content));
        let answer: UploadPartOutput = call.send().await.map_err(failed(PUT))?;
        self.aws.transfers.arrived(self.address, size);
        let etag = answer.e_tag.ok_or_else(|| incomplete(PUT, "ETag"))?;
        Ok(sdk::CompletedPart::builder().part_number(number).e_tag(etag).build())
    }
}

/// Waits until there is room for so many bytes.
async fn room(memory: &Semaphore, bytes: u64) -> Option<SemaphorePermit<'_>> {
    let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(MEMORY).clamp(1, MEMORY);
    // Nobody closes it.
    memory.acquire_many(kib).await.ok()
}

/// Sends the parts of one file that `next` makes of a number and the room for a part, until it makes none. Those under way go on while
/// the next one waits for room: files that wait for each other's room would wait for ever otherwise.
async fn in_room<'m, S, T>(
    memory: &'m Semaphore,
    size: u64,
    mut next: impl FnMut(i32, Option<SemaphorePermit<'m>>) -> Result<Option<S>, CallError>,
) -> Result<Vec<T>, CallError>
where
    S: Future<Output = Result<T, CallError>>,
{
    let mut under_way = FuturesUnordered::new();
    let mut done = Vec::new();
    for number in 1.. {
        let mut room = pin!(room(memory, size));
        let room = loop {
            tokio::select! {
                room = &mut room, if under_way.len() < PARTS_AT_ONCE => break room,
                Some(part) = under_way.next() => done.push(part?),
            }
        };
        let Some(part) = next(number, room)? else { break };
        under_way.push(part);
    }
    while let Some(part) = under_way.next().await {
        done.push(part?);
    }
    Ok(done)
}

/// A hash in hex as S3 takes it.
fn checksum(hex: &str) -> Option<String> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    bytes.map(base64::encode)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn files_that_fill_the_memory_do_not_wait_for_each_other() {
        let size = 8 * 1024 * 1024;
        let memory = Semaphore::new(2 * 8 * 1024);
        let file = |parts: i32| {
            let memory = &memory;
            async move {
                let next = |number, room| {
                    let part = async move {
                        tokio::time::sleep(Duration::from_millis(1)).await;
                        drop(room);
                        Ok(number)
                    };
                    Ok((number <= parts).then_some(part))
                };
                in_room(memory, size, next).await
            }
        };
        let sent = join_all([3, 5, 1, 4].map(file));
        let mut sent = tokio::time::timeout(Duration::from_secs(60), sent).await.expect("all are sent");
        sent.iter_mut().flatten().for_each(|parts| parts.sort_unstable());
        assert_eq!(sent, [3, 5, 1, 4].map(|parts| Ok((1..=parts).collect())));
    }

    #[test]
    fn a_hash_in_hex_becomes_the_checksum_that_s3_takes() {
        let empty = neap_core::files::sha256(b"");
        assert_eq!(checksum(&empty).as_deref(), Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
        assert_eq!(checksum("no hash"), None);
    }
}
