//! The head of the ledger, where nobody can change it.

use super::{Keys, Refused, done, refused};
use aws_config::Region;

impl Keys {
    pub(super) fn s3(&self, region: &str) -> aws_sdk_s3::Client {
        let config = aws_sdk_s3::config::Builder::from(&self.config)
            .region(Region::new(region.to_owned()))
            // What stands in AWS's place is no host of buckets.
            .force_path_style(self.config.endpoint_url().is_some())
            .build();
        aws_sdk_s3::Client::from_conf(config)
    }

    /// The object whose name is the last in a bucket under a prefix.
    ///
    /// # Errors
    /// What AWS said instead.
    pub async fn last_object(
        &self,
        region: &str,
        bucket: &str,
        prefix: &str,
    ) -> Result<Option<Vec<u8>>, Refused> {
        const GET: &str = "s3:GetObject";
        let client = self.s3(region);
        let request = client.list_objects_v2().bucket(bucket).prefix(prefix);
        let mut pages = request.into_paginator().send();
        let mut last = None;
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| refused("s3:ListBucket", &error))?;
            // S3 lists names in their order.
            last = page
                .contents()
                .iter()
                .filter_map(|object| object.key.clone())
                .next_back()
                .or(last);
        }
        let Some(name) = last else { return Ok(None) };
        let answer = client.get_object().bucket(bucket).key(name).send().await;
        let answer = answer.map_err(|error| refused(GET, &error))?;
        let body = answer.body.collect().await.map_err(|error| Refused {
            call: GET.to_owned(),
            error: error.to_string(),
        })?;
        Ok(Some(body.to_vec()))
    }

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
        let answer = self
            .s3(region)
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
