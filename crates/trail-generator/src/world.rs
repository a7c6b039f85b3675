//! The organisation: its accounts, who works in them, and what they work with.

use crate::call::{Call, Session, Tls, Who};
use crate::plan::Plan;
use crate::random::Random;

/// What somebody is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Containers of a service.
    Task,
    /// A function.
    Function,
    /// What deploys.
    Ci,
    /// Somebody with a session of the organisation's sign-on.
    Human,
    /// What looks at everything.
    Monitoring,
    /// What copies volumes and databases.
    Backup,
    /// A job that runs at night.
    Batch,
    /// A user of IAM that nobody dares to touch.
    Legacy,
    /// AWS services, for themselves.
    Service,
}

/// In which regions somebody works.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Where {
    /// The first.
    Home,
    /// The first two.
    Two,
    /// The last.
    Last,
    /// All.
    All,
}

/// Somebody, as in the table below.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spec {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) agent: &'static str,
    pub(crate) place: Where,
    /// How much they do, beside the others; zero for who does nothing on ordinary days.
    pub(crate) weight: f64,
    pub(crate) tls: Tls,
}

const fn spec(
    name: &'static str,
    kind: Kind,
    agent: &'static str,
    place: Where,
    weight: f64,
) -> Spec {
    Spec {
        name,
        kind,
        agent,
        place,
        weight,
        tls: Tls::Modern,
    }
}

pub(crate) const PYTHON: &str = "Boto3/1.40.23 md/Botocore#1.40.23 ua/2.1 os/linux#6.1.141 md/arch#x86_64 lang/python#3.13.5 md/pyimpl#CPython cfg/retry-mode#standard Botocore/1.40.23";
pub(crate) const GO: &str = "aws-sdk-go-v2/1.38.1 ua/2.1 os/linux lang/go#1.24.6 md/GOOS#linux md/GOARCH#arm64 exec-env/AWS_ECS_FARGATE m/E,g";
const JAVA: &str = "aws-sdk-java/2.32.29 md/io#sync md/http#Apache ua/2.1 os/Linux#6.1.141 lang/java#21.0.8 md/OpenJDK_64-Bit_Server_VM#21.0.8+9-LTS exec-env/AWS_ECS_FARGATE m/D,N";
const OLD_JAVA: &str = "aws-sdk-java/1.11.327 Linux/3.10.0-957.el7.x86_64 OpenJDK_64-Bit_Server_VM/25.201-b09 java/1.8.0_201";
const JAVASCRIPT: &str = "aws-sdk-js/3.873.0 ua/2.1 os/linux#5.10.240 lang/js md/nodejs#22.18.0 exec-env/AWS_Lambda_nodejs22.x m/E,n";
pub(crate) const CLI: &str = "aws-cli/2.28.16 md/awscrt#0.27.6 ua/2.1 os/macos#24.6.0 md/arch#arm64 lang/python#3.13.7 md/pyimpl#CPython m/E,b cfg/retry-mode#standard md/prompt#off";
const CI_CLI: &str = "aws-cli/2.28.20 md/awscrt#0.27.6 ua/2.1 os/linux#6.11.0 md/arch#x86_64 lang/python#3.13.7 md/pyimpl#CPython exec-env/CI m/E,b cfg/retry-mode#standard md/prompt#off";
pub(crate) const BROWSER: &str = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36";

/// Who is in each account.
#[rustfmt::skip]
const STAFF: &[Spec] = &[
    spec("checkout-prod-TaskRole",      Kind::Task,       JAVA,       Where::Two,  14.0),
    spec("catalogue-prod-TaskRole",     Kind::Task,       GO,         Where::Two,  12.0),
    spec("customers-prod-TaskRole",     Kind::Task,       PYTHON,     Where::Home,  9.0),
    spec("payments-prod-TaskRole",      Kind::Task,       JAVA,       Where::Home,  7.0),
    spec("search-prod-TaskRole",        Kind::Task,       GO,         Where::Last,  6.0),
    spec("orders-worker",               Kind::Function,   JAVASCRIPT, Where::Two,   9.0),
    spec("thumbnails",                  Kind::Function,   PYTHON,     Where::Home,  6.0),
    spec("webhooks",                    Kind::Function,   JAVASCRIPT, Where::Last,  4.0),
    spec("invoices-worker",             Kind::Function,   PYTHON,     Where::Home,  3.0),
    spec("ci-deploy",                   Kind::Ci,         CI_CLI,     Where::Two,   3.0),
    spec("observability-reader",        Kind::Monitoring, GO,         Where::All,   9.0),
    spec("backup-service",              Kind::Backup,     PYTHON,     Where::Home,  2.0),
    spec("warehouse-load",              Kind::Batch,      PYTHON,     Where::Home,  4.0),
    Spec { tls: Tls::WithoutForwardSecrecy,
        ..spec("ledger-export",         Kind::Batch,      OLD_JAVA,   Where::Home,  0.35) },
    spec("anna.schmidt",                Kind::Human,      CLI,        Where::Home,  1.2),
    spec("jonas.weber",                 Kind::Human,      BROWSER,    Where::Two,   1.0),
    spec("mei.tanaka",                  Kind::Human,      CLI,        Where::Two,   0.9),
    spec("priya.nair",                  Kind::Human,      BROWSER,    Where::Home,  0.7),
    spec("aws-services",                Kind::Service,    "",         Where::All,  34.0),
];

/// In the first account only.
const LEGACY: Spec = Spec {
    tls: Tls::Old,
    ..spec("sftp-sync", Kind::Legacy, OLD_JAVA, Where::Home, 0.09)
};

/// An account.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// Its number among the accounts.
    pub(crate) index: usize,
    /// What the names in it have in common.
    pub(crate) name: String,
}

/// A key.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    pub(crate) arn: String,
    pub(crate) id: String,
    pub(crate) alias: String,
    pub(crate) account: String,
    pub(crate) material: String,
}

/// What somebody has in one region.
#[derive(Clone, Debug)]
pub(crate) struct Site {
    pub(crate) region: String,
    pub(crate) key: Key,
    pub(crate) bucket: String,
    pub(crate) table: String,
    /// Their ARNs.
    pub(crate) secrets: Vec<String>,
    /// Its ARN; the name follows `:parameter`.
    pub(crate) parameter: String,
    pub(crate) database: String,
    /// Its ARN.
    pub(crate) function: String,
    pub(crate) log_group: String,
    pub(crate) addresses: Vec<String>,
    pub(crate) endpoint: Option<String>,
}

/// Somebody.
#[derive(Clone, Debug)]
pub(crate) struct Actor {
    pub(crate) name: String,
    pub(crate) kind: Kind,
    /// The account's identifier.
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) id: String,
    /// Of a user.
    pub(crate) access_key: String,
    pub(crate) agent: String,
    pub(crate) tls: Tls,
    pub(crate) weight: f64,
    pub(crate) person: String,
    pub(crate) sites: Vec<Site>,
    pub(crate) seed: u64,
}

/// All of it.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) accounts: Vec<Account>,
    pub(crate) actors: Vec<Actor>,
    pub(crate) regions: Vec<String>,
    seed: u64,
}

impl World {
    pub(crate) fn new(plan: &Plan) -> Self {
        let names = ["shop", "data", "platform", "billing", "sandbox", "media"];
        let account = |index: usize| Account {
            id: match plan.account_ids.get(index) {
                Some(id) => id.clone(),
                None => account_id(plan.seed, index as u64),
            },
            index,
            name: match names.get(index) {
                Some(name) => (*name).into(),
                None => format!("team-{index}"),
            },
        };
        let mut world = World {
            accounts: (0..plan.accounts).map(account).collect(),
            actors: Vec::new(),
            regions: plan.regions.clone(),
            seed: plan.seed,
        };
        for account in &world.accounts {
            let staff = STAFF.iter().chain((account.index == 0).then_some(&LEGACY));
            let actors: Vec<_> = staff.map(|spec| world.actor(account, spec, 0)).collect();
            world.actors.extend(actors);
        }
        world
    }

    /// Somebody in this account; another one for another number.
    pub(crate) fn actor(&self, account: &Account, spec: &Spec, number: u64) -> Actor {
        let part = format!("{} {}", account.id, spec.name);
        let mut random = Random::of(self.seed, &part, number);
        let all = self.regions.len();
        let regions = match spec.place {
            Where::Home => 0..1,
            Where::Two => 0..2.min(all),
            Where::Last => all - 1..all,
            Where::All => 0..all,
        };
        let person = match spec.kind {
            Kind::Human => format!("{}@{}.example.com", spec.name, account.name),
            _ => String::new(),
        };
        // Stacks give their roles a suffix.
        let name = match spec.kind {
            Kind::Task => {
                let suffix = random.text(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", 12);
                format!("{}-{suffix}", spec.name)
            }
            Kind::Human => format!("AWSReservedSSO_{}_{}", permission_set(spec), random.hex(16)),
            _ => spec.name.into(),
        };
        let home = &self.regions[0];
        let path = match spec.kind {
            Kind::Human => format!("role/aws-reserved/sso.amazonaws.com/{home}/"),
            Kind::Function => "role/service-role/".into(),
            Kind::Legacy => "user/".into(),
            _ => "role/".into(),
        };
        let prefix = if spec.kind == Kind::Legacy {
            "AIDA"
        } else {
            "AROA"
        };
        let sites = self.regions[regions].iter();
        Actor {
            arn: format!("arn:aws:iam::{}:{path}{name}", account.id),
            id: format!("{prefix}{}", random.base32(17)),
            access_key: format!("AKIA{}", random.base32(16)),
            name,
            kind: spec.kind,
            account: account.id.clone(),
            agent: spec.agent.into(),
            tls: spec.tls,
            weight: spec.weight,
            person,
            sites: sites
                .map(|region| site(&mut random, account, spec, region))
                .collect(),
            seed: random.next(),
        }
    }
}

/// What the sign-on gives them.
fn permission_set(spec: &Spec) -> &'static str {
    match spec.name {
        "anna.schmidt" => "Administrator",
        "mei.tanaka" => "DataEngineer",
        "priya.nair" => "Support",
        _ => "Developer",
    }
}

/// The identifier of an account; those that are in the organisation begin with 1 to 6.
pub(crate) fn account_id(seed: u64, index: u64) -> String {
    let mut random = Random::of(seed, "account", index);
    let first = 1 + random.below(6);
    format!("{first}{}", random.text(b"0123456789", 11))
}

/// An account that is not in the organisation.
pub(crate) fn outside_account(seed: u64, index: u64) -> String {
    let mut random = Random::of(seed, "outside account", index);
    format!("9{}", random.text(b"0123456789", 11))
}

/// A key in this account and region.
pub(crate) fn key(random: &mut Random, account: &str, region: &str, alias: &str) -> Key {
    let id = crate::draft::uuid_text(random.uuid());
    Key {
        arn: format!("arn:aws:kms:{region}:{account}:key/{id}"),
        id,
        alias: format!("alias/{alias}"),
        account: account.into(),
        material: random.hex(64),
    }
}

fn site(random: &mut Random, account: &Account, spec: &Spec, region: &str) -> Site {
    let id = &account.id;
    let short = spec.name.split(['-', '.']).next().unwrap_or(spec.name);
    let secret = |random: &mut Random, what: &str| {
        let suffix = random.alphanumeric(6);
        format!("arn:aws:secretsmanager:{region}:{id}:secret:prod/{short}/{what}-{suffix}")
    };
    // Private networks, or the addresses that they go out by.
    let (second, third) = (account.index % 250, random.below(250));
    let private = matches!(spec.kind, Kind::Task | Kind::Batch) && random.below(2) == 0;
    let addresses = (0..3).map(|_| {
        let last = 1 + random.below(250);
        match spec.kind {
            _ if private => format!("10.{second}.{third}.{last}"),
            // An office's few.
            Kind::Human => format!("198.51.100.{}", 8 + last % 4),
            _ => format!("198.18.{third}.{last}"),
        }
    });
    let addresses = addresses.collect();
    Site {
        region: region.into(),
        key: key(random, id, region, &format!("{}/{short}", account.name)),
        // Regions have buckets of their own, by another suffix.
        bucket: format!("{}-{short}-{}", account.name, random.hex(6)),
        table: format!("{short}-prod"),
        secrets: ["database", "api-token", "signing"]
            .map(|what| secret(random, what))
            .into(),
        parameter: format!("arn:aws:ssm:{region}:{id}:parameter/prod/{short}/config"),
        database: format!("db-{}", random.base32(26)),
        function: format!("arn:aws:lambda:{region}:{id}:function:{}", spec.name),
        log_group: format!("arn:aws:logs:{region}:{id}:log-group:/prod/{short}"),
        addresses,
        endpoint: private.then(|| format!("vpce-0{}", random.hex(16))),
    }
}

impl Actor {
    /// How much is done at this hour of the week, beside other hours: Monday is day zero.
    pub(crate) fn rhythm(&self, weekday: i64, hour: i64) -> f64 {
        let weekend = weekday >= 5;
        match self.kind {
            Kind::Human => match hour {
                _ if weekend => 0.02,
                7..=16 => 2.2,
                6 | 17 | 18 => 0.7,
                _ => 0.03,
            },
            Kind::Ci => match hour {
                7..=17 if !weekend => 1.9,
                _ => 0.15,
            },
            Kind::Batch | Kind::Backup => match hour {
                1..=4 => 5.0,
                _ => 0.08,
            },
            Kind::Task | Kind::Function => {
                let of_day = 1.0 + 0.45 * ((hour - 14) as f64 / 24.0 * std::f64::consts::TAU).cos();
                of_day * if weekend { 0.8 } else { 1.0 }
            }
            Kind::Monitoring | Kind::Legacy | Kind::Service => 1.0,
        }
    }

    /// The session that is open at this time; of several at once the one of this number.
    pub(crate) fn session(&self, time: i64, number: u64) -> Session {
        let length = match self.kind {
            Kind::Human => 8 * 3_600,
            Kind::Function => 2 * 3_600,
            Kind::Ci => 900,
            _ => 6 * 3_600,
        };
        let offset = (self.seed.wrapping_add(number * 977) % 86_400) as i64;
        let started = time - (time + offset).rem_euclid(length);
        let mut random = Random::of(self.seed ^ number, "session", started as u64);
        let name = match self.kind {
            Kind::Task => random.hex(32),
            Kind::Human => self.person.clone(),
            Kind::Function => self.name.clone(),
            Kind::Ci => "deploy-main".into(),
            Kind::Backup => "AWSBackup-AWSBackupDefaultServiceRole".into(),
            _ => format!("i-0{}", random.hex(16)),
        };
        Session {
            name,
            access_key: format!("ASIA{}", random.base32(16)),
            started,
            // The sign-on asked for it, and STS does not know.
            mfa: false,
        }
    }

    /// A call of theirs.
    pub(crate) fn call<'a>(&'a self, site: &'a Site, time: i64, random: &mut Random) -> Call<'a> {
        let number = match self.kind {
            Kind::Task | Kind::Function => random.below(3),
            _ => 0,
        };
        let who = match self.kind {
            Kind::Service => Who::Service("ec2.amazonaws.com"),
            Kind::Legacy => Who::User(self),
            kind => Who::Session {
                actor: self,
                scope: (kind == Kind::Function)
                    .then_some(("AWS::Lambda::Function", site.function.as_str())),
                session: self.session(time, number),
            },
        };
        let address = &site.addresses[number as usize % site.addresses.len()];
        Call {
            time,
            account: &self.account,
            region: &site.region,
            who,
            invoked_by: None,
            address,
            agent: &self.agent,
            tls: self.tls,
            endpoint: site.endpoint.as_deref(),
            console: self.kind == Kind::Human && self.agent.starts_with("Mozilla"),
        }
    }
}
