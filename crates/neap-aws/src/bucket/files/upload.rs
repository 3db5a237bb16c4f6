//! Sending files to S3: small ones in one request, large ones in parts.
//!
//! Decides how much is in memory at one time. Must not know which files, nor in which order.

use aws_sdk_s3::operation::upload_part::UploadPartOutput;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types as sdk;
use aws_smithy_types::base64;
use futures_util::stream::{FuturesUnordered, StreamExt};
use neap_core::address::Address;
use neap_core::files::{File, MARK, WHOLE};
use neap_core::kinds::BucketFiles;
use neap_engine::cloud::CallError;
use neap_engine::files::Parts;
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

    /// Waits until there is room for so many bytes.
    async fn room(&self, bytes: u64) -> Option<SemaphorePermit<'_>> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(MEMORY).clamp(1, MEMORY);
        // Nobody closes it.
        self.memory.acquire_many(kib).await.ok()
    }

    async fn whole(&self, key: &str, file: &File) -> Result<String, CallError> {
        let _room = self.room(file.size).await;
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
        let mut sent = FuturesUnordered::new();
        let mut done = Vec::new();
        let mut number = 0;
        loop {
            while sent.len() >= PARTS_AT_ONCE {
                done.extend(sent.next().await.transpose()?);
            }
            let Some((room, content)) = self.next_part(&mut source, file).await? else { break };
            number += 1;
            sent.push(self.part(key, upload, number, content, room));
        }
        while let Some(part) = sent.next().await {
            done.push(part?);
        }
        done.sort_by_key(sdk::CompletedPart::part_number);
        let parts = sdk::CompletedMultipartUpload::builder().set_parts(Some(done)).build();
        let call = self.aws.s3.complete_multipart_upload().bucket(self.bucket).key(key).upload_id(upload);
        let call = call.expected_bucket_owner(self.account).multipart_upload(parts);
        let answer = call.send().await.map_err(failed(PUT))?;
        answer.e_tag.ok_or_else(|| incomplete(PUT, "ETag"))
    }

    async fn next_part(
        &self,
        source: &mut Parts,
        file: &File,
    ) -> Result<Option<(Option<SemaphorePermit<'_>>, Vec<u8>)>, CallError> {
        let room = self.room(neap_core::files::part_size(file.size)).await;
        Ok(source.next_part()?.map(|content| (room, content)))
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

/// A hash in hex as S3 takes it.
fn checksum(hex: &str) -> Option<String> {
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = hex.as_bytes().chunks(2).map(byte).collect();
    bytes.map(base64::encode)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_in_hex_becomes_the_checksum_that_s3_takes() {
        let empty = neap_core::files::sha256(b"");
        assert_eq!(checksum(&empty).as_deref(), Some("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="));
        assert_eq!(checksum("no hash"), None);
    }
}
