//! The head of the ledger, where nobody can change it.

use super::{Keys, Refused, done};
use aws_config::Region;

impl Keys {
    /// Puts a small object that nobody can overwrite or delete until a time (S3 Object Lock in compliance mode).
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn put_locked(
        &self,
        region: &str,
        bucket: &str,
        name: &str,
        body: &[u8],
        until: i64,
    ) -> Result<(), Refused> {
        use aws_sdk_s3::primitives::{ByteStream, DateTime as When};
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            // What stands in AWS's place is no host of buckets.
            .force_path_style(self.config.endpoint_url().is_some())
            .build();
        let answer = aws_sdk_s3::Client::from_conf(config)
            .put_object()
            .bucket(bucket)
            .key(name)
            .body(ByteStream::from(body.to_vec()))
            .content_type("application/json")
            .object_lock_mode(aws_sdk_s3::types::ObjectLockMode::Compliance)
            .object_lock_retain_until_date(When::from_secs(until))
            .send()
            .await;
        done("s3:PutObject", answer)
    }
}
