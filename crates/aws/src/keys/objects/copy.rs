//! Copying an object onto itself, under another key.

use super::{Item, Objects, Outcome, size};
use crate::keys::{Refused, names_key, refused};
use aws_sdk_s3::Client;
use aws_sdk_s3::operation::head_object::HeadObjectOutput;
use aws_sdk_s3::primitives::{DateTime, DateTimeFormat};
use aws_sdk_s3::types::{
    ChecksumAlgorithm, ChecksumMode, CompletedMultipartUpload, CompletedPart, MetadataDirective,
    ServerSideEncryption,
};
use futures::{StreamExt, stream};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What one copy may have (Amazon S3 API Reference, "CopyObject"); larger ones are copied in parts.
const LARGEST_COPY: i64 = 5 << 30;

/// What a part has.
const PART: i64 = 512 << 20;

/// What of a key's name stands in a header as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// Whether an object's retention is not over: a moment that is over cannot be set again.
fn is_locked(head: &HeadObjectOutput) -> bool {
    let now = DateTime::from(std::time::SystemTime::now());
    head.object_lock_retain_until_date
        .is_some_and(|until| until > now)
}

/// The checksum that an object has, with its algorithm.
fn checksum(head: &HeadObjectOutput) -> Option<(ChecksumAlgorithm, &str)> {
    let own = [
        (ChecksumAlgorithm::Crc64Nvme, &head.checksum_crc64_nvme),
        (ChecksumAlgorithm::Sha256, &head.checksum_sha256),
        (ChecksumAlgorithm::Crc32C, &head.checksum_crc32_c),
        (ChecksumAlgorithm::Crc32, &head.checksum_crc32),
        (ChecksumAlgorithm::Sha1, &head.checksum_sha1),
    ];
    own.into_iter()
        .find_map(|(algorithm, value)| Some((algorithm, value.as_deref()?)))
}

/// Copies an object onto itself: what describes it is kept, and so are its class, its lock and its checksum's algorithm. One that
/// was changed meanwhile is not copied.
pub(super) async fn copy(
    client: &Client,
    of: &Objects,
    item: &Item,
    head: &HeadObjectOutput,
) -> Result<Outcome, Refused> {
    const CALL: &str = "s3:PutObject";
    let source = format!("{}/{}", of.bucket, utf8_percent_encode(&item.key, PLAIN));
    let Some(etag) = head.e_tag.clone() else {
        return Ok(Outcome::Failed("it has no ETag".into()));
    };
    let before = checksum(head);
    if head.content_length.unwrap_or_default() > LARGEST_COPY {
        copy_in_parts(client, of, item, head, &source, &etag).await?;
    } else {
        let answer = client
            .copy_object()
            .bucket(&of.bucket)
            .key(&item.key)
            .copy_source(&source)
            .copy_source_if_match(&etag)
            .if_match(&etag)
            .metadata_directive(MetadataDirective::Copy)
            .server_side_encryption(ServerSideEncryption::AwsKms)
            .ssekms_key_id(&of.new)
            .set_bucket_key_enabled(head.bucket_key_enabled)
            .set_storage_class(head.storage_class.clone())
            .set_checksum_algorithm(before.as_ref().map(|(algorithm, _)| algorithm.clone()))
            .set_website_redirect_location(head.website_redirect_location.clone())
            .set_object_lock_mode(head.object_lock_mode.clone().filter(|_| is_locked(head)))
            .set_object_lock_retain_until_date(
                head.object_lock_retain_until_date
                    .filter(|_| is_locked(head)),
            )
            .set_object_lock_legal_hold_status(head.object_lock_legal_hold_status.clone())
            .send()
            .await;
        if let Err(error) = answer {
            let status = error
                .raw_response()
                .map(|response| response.status().as_u16());
            return match status {
                Some(409 | 412) => Ok(Outcome::Failed(
                    "it was changed between the look and the copy: what it is now was written since, run this again".into(),
                )),
                _ => Err(refused(CALL, &error)),
            };
        }
    }
    verified(client, of, item, head, before).await
}

/// Reads again what was copied.
async fn verified(
    client: &Client,
    of: &Objects,
    item: &Item,
    before: &HeadObjectOutput,
    checksum_before: Option<(ChecksumAlgorithm, &str)>,
) -> Result<Outcome, Refused> {
    let after = client
        .head_object()
        .bucket(&of.bucket)
        .key(&item.key)
        .checksum_mode(ChecksumMode::Enabled)
        .send()
        .await
        .map_err(|error| refused("s3:GetObject", &error))?;
    let under = after.ssekms_key_id.as_deref().unwrap_or_default();
    if !names_key(under, &of.new) {
        return Ok(Outcome::Failed(format!(
            "it was copied, and is under {} and not under the new key",
            if under.is_empty() { "no key" } else { under }
        )));
    }
    if after.content_length != before.content_length {
        return Ok(Outcome::Failed("its size is another after the copy".into()));
    }
    // Checksums of several parts hang on how it was cut.
    let comparable = |text: &str| !text.contains('-');
    let compared = match (&checksum_before, checksum(&after)) {
        (Some((own, was)), Some((new, is))) if *own == new && comparable(was) && comparable(is) => {
            if *was != is {
                return Ok(Outcome::Failed(
                    "its checksum is another after the copy".into(),
                ));
            }
            true
        }
        _ => false,
    };
    Ok(Outcome::Done {
        bytes: size(&after),
        copied: true,
        without_checksum: !compared,
    })
}

/// Copies in parts what is too large for one copy.
async fn copy_in_parts(
    client: &Client,
    of: &Objects,
    item: &Item,
    head: &HeadObjectOutput,
    source: &str,
    etag: &str,
) -> Result<(), Refused> {
    const CALL: &str = "s3:PutObject";
    let tags = client
        .get_object_tagging()
        .bucket(&of.bucket)
        .key(&item.key)
        .send()
        .await
        .map_err(|error| refused("s3:GetObjectTagging", &error))?;
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let tagging: Vec<String> = tags
        .tag_set
        .iter()
        .map(|tag| format!("{}={}", encode(&tag.key), encode(&tag.value)))
        .collect();
    let begun = client
        .create_multipart_upload()
        .bucket(&of.bucket)
        .key(&item.key)
        .set_metadata(head.metadata.clone())
        .set_cache_control(head.cache_control.clone())
        .set_content_disposition(head.content_disposition.clone())
        .set_content_encoding(head.content_encoding.clone())
        .set_content_language(head.content_language.clone())
        .set_content_type(head.content_type.clone())
        .set_expires(head.expires_string.as_deref().and_then(http_date))
        .set_tagging((!tagging.is_empty()).then(|| tagging.join("&")))
        .server_side_encryption(ServerSideEncryption::AwsKms)
        .ssekms_key_id(&of.new)
        .set_bucket_key_enabled(head.bucket_key_enabled)
        .set_storage_class(head.storage_class.clone())
        .set_checksum_algorithm(checksum(head).map(|(algorithm, _)| algorithm))
        .set_website_redirect_location(head.website_redirect_location.clone())
        .set_object_lock_mode(head.object_lock_mode.clone().filter(|_| is_locked(head)))
        .set_object_lock_retain_until_date(
            head.object_lock_retain_until_date
                .filter(|_| is_locked(head)),
        )
        .set_object_lock_legal_hold_status(head.object_lock_legal_hold_status.clone())
        .send()
        .await
        .map_err(|error| refused(CALL, &error))?;
    let upload = begun.upload_id.unwrap_or_default();
    let length = head.content_length.unwrap_or_default();
    let count = i32::try_from((length + PART - 1) / PART).unwrap_or(i32::MAX);
    let parts = stream::iter(1..=count)
        .map(async |number| {
            let begin = i64::from(number - 1) * PART;
            let end = (begin + PART).min(length) - 1;
            let answer = client
                .upload_part_copy()
                .bucket(&of.bucket)
                .key(&item.key)
                .upload_id(&upload)
                .part_number(number)
                .copy_source(source)
                .copy_source_if_match(etag)
                .copy_source_range(format!("bytes={begin}-{end}"))
                .send()
                .await
                .map_err(|error| refused(CALL, &error))?;
            let copied = answer.copy_part_result;
            Ok::<_, Refused>(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(copied.as_ref().and_then(|part| part.e_tag.clone()))
                    .set_checksum_crc32(copied.as_ref().and_then(|p| p.checksum_crc32.clone()))
                    .set_checksum_crc32_c(copied.as_ref().and_then(|p| p.checksum_crc32_c.clone()))
                    .set_checksum_crc64_nvme(
                        copied.as_ref().and_then(|p| p.checksum_crc64_nvme.clone()),
                    )
                    .set_checksum_sha1(copied.as_ref().and_then(|p| p.checksum_sha1.clone()))
                    .set_checksum_sha256(copied.and_then(|part| part.checksum_sha256))
                    .build(),
            )
        })
        .buffered(8)
        .collect::<Vec<_>>()
        .await;
    let parts: Result<Vec<CompletedPart>, Refused> = parts.into_iter().collect();
    let completed = match parts {
        Ok(parts) => {
            let all = CompletedMultipartUpload::builder()
                .set_parts(Some(parts))
                .build();
            let answer = client
                .complete_multipart_upload()
                .bucket(&of.bucket)
                .key(&item.key)
                .upload_id(&upload)
                .if_match(etag)
                .multipart_upload(all)
                .send()
                .await;
            answer.map(drop).map_err(|error| refused(CALL, &error))
        }
        Err(error) => Err(error),
    };
    if completed.is_err() {
        // Parts that nobody completes are paid for.
        let _ = client
            .abort_multipart_upload()
            .bucket(&of.bucket)
            .key(&item.key)
            .upload_id(&upload)
            .send()
            .await;
    }
    completed
}

fn http_date(text: &str) -> Option<DateTime> {
    DateTime::from_str(text, DateTimeFormat::HttpDate).ok()
}
