//! Every threshold.

use crate::Error;
use serde::{Deserialize, Serialize};

macro_rules! tuning {
    ($($(#[doc = $doc:literal])* $name:ident: $kind:ty = $default:expr;)*) => {
        /// Every threshold. In a TOML file, the table `[anomalies]`; what it leaves out is as by default, and what is not known is
        /// an error.
        #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(deny_unknown_fields, default)]
        pub struct Tuning {
            $($(#[doc = $doc])* pub $name: $kind,)*
        }

        impl Default for Tuning {
            fn default() -> Self {
                Tuning { $($name: $default,)* }
            }
        }

        impl Tuning {
            /// A TOML file with every threshold as it is by default, and what it means.
            pub fn documented() -> String {
                let mut text = String::from("[anomalies]\n");
                $(
                    for line in [$($doc),*] {
                        text.push_str(&format!("#{line}\n"));
                    }
                    let default: $kind = $default;
                    text.push_str(&format!("{} = {default:?}\n", stringify!($name)));
                )*
                text
            }
        }
    };
}

tuning! {
    /// How many days a pair of principal and key must have been known before its own past is what it is judged by; a younger one
    /// is judged by all that its principal, or its key, did. Default: 7.
    learn_days: u32 = 7;
    /// How many days the whole log must be old before anything is called new. Default: 14.
    warm_up_days: u32 = 14;
    /// How many past weeks an hour is compared with. Default: 5.
    weeks: u32 = 5;
    /// How many uses within an hour are a burst, at least. Default: 30.
    burst_least: u32 = 30;
    /// How many robust standard deviations above the median of such hours. Default: 8.
    burst_deviations: f64 = 8.0;
    /// How many times the most that there ever was within an hour: twice comes with a release. Default: 3.
    burst_times_most: f64 = 3.0;
    /// How many data keys within an hour are a harvest, at least. Default: 100.
    data_keys_least: u32 = 100;
    /// About how many keys or secrets a principal must ask within an hour, at least. Default: 8.
    enumeration_subjects: u32 = 8;
    /// How many secrets a principal must read within an hour, at least. Default: 8.
    bulk_secrets: u32 = 8;
    /// How often a principal must be refused within an hour, at least. Default: 20.
    denied_least: u32 = 20;
    /// For the three above: how many times the most that there ever was within an hour. Default: 3.
    spread_times_most: f64 = 3.0;
    /// How many uses of a principal (of a key, for contexts) must be known before a network, tool, region or context is called
    /// new. Default: 10.
    new_after_uses: u32 = 10;
    /// How likely the next use has something new, at most, for it to be unusual: who often is somewhere new, is not reported
    /// for being so (the estimate is Good and Turing's, from what was seen once only). Default: 0.1.
    new_unlikely: f64 = 0.1;
    /// How often a principal must use a key that is new to it, within a week. Default: 1.
    new_principal_uses: u32 = 1;
    /// The same of a principal of whom too little is known to say that it keeps to its keys. Default: 8.
    new_principal_uses_unsure: u32 = 8;
    /// Of a principal with three keys at least: who used more than this share of them only once or twice, does not keep to its
    /// keys. Default: 0.3.
    visitor_barely: f64 = 0.3;
    /// How many days without a use are a silence, at least. Default: 14.
    silence_days: u32 = 14;
    /// How many times the longest silence before. Default: 5.
    silence_times_longest: f64 = 5.0;
    /// On how many days there must have been uses before a silence. Default: 2.
    silence_after_days: u32 = 2;
    /// How many uses there must have been before a silence. Default: 10.
    silence_after_uses: u32 = 10;
    /// How many days lie between the runs of a monthly job, at least: a silence as long, from one or two days of use to the
    /// next, is none. Default: 25.
    month_from: u32 = 25;
    /// And at most. Default: 34.
    month_until: u32 = 34;
    /// Over how many days uses must rise. Default: 10.
    rise_days: u32 = 10;
    /// How significant the rise must be (the z of Mann and Kendall's test). Default: 2.5.
    rise_significance: f64 = 2.5;
    /// How many times what was usual before it comes to. Default: 3.
    rise_times: f64 = 3.0;
    /// How many uses a day more it comes to, at least. Default: 30.
    rise_least: u32 = 30;
}

impl Tuning {
    /// Reads the table `[anomalies]` of a TOML file; other tables are passed over.
    ///
    /// # Errors
    /// When it is no TOML, or a key in the table is not known or of another type.
    pub fn from_toml(text: &str) -> Result<Self, Error> {
        #[derive(Deserialize)]
        struct File {
            #[serde(default)]
            anomalies: Tuning,
        }
        let file: File = toml::from_str(text).map_err(|error| Error::Tuning(error.to_string()))?;
        Ok(file.anomalies)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn from_toml() {
        let tuning = Tuning::from_toml("[other]\nx = 1\n[anomalies]\nlearn_days = 3\n").unwrap();
        assert_eq!((tuning.learn_days, tuning.warm_up_days), (3, 14));
        assert_eq!(Tuning::from_toml("").unwrap(), Tuning::default());
        assert_eq!(
            Tuning::from_toml(&Tuning::documented()).unwrap(),
            Tuning::default()
        );
        let wrong = Tuning::from_toml("[anomalies]\nlern_days = 3\n").unwrap_err();
        assert!(wrong.to_string().contains("lern_days"), "{wrong}");
    }
}
