//! The services that answer in XML.

use crate::world::{Kind, Place, World, key_of, page, tags};
use crate::{Answer, Asked};

/// A field of a form.
fn field<'a>(asked: &'a Asked, name: &str) -> Option<&'a str> {
    asked
        .body
        .split('&')
        .find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

/// AWS Security Token Service.
pub fn sts(place: &Place, asked: &Asked) -> Answer {
    let account = place.account;
    let result = match &*asked.operation {
        "AssumeRole" => {
            let role = field(asked, "RoleArn").unwrap_or_default();
            let account = role.split("%3A").nth(4).unwrap_or_default();
            format!(
                "<Credentials><AccessKeyId>{}</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken>\
                 <Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>\
                 <AssumedRoleUser><AssumedRoleId>AROA:scan</AssumedRoleId><Arn>arn:aws:sts::{account}:assumed-role/lockfast-audit/scan</Arn></AssumedRoleUser>",
                key_of(account)
            )
        }
        _ => format!(
            "<Arn>arn:aws:iam::{account}:user/bench</Arn><UserId>AIDA</UserId><Account>{account}</Account>"
        ),
    };
    let op = &asked.operation;
    Answer::xml(format!(
        "<{op}Response xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><{op}Result>{result}</{op}Result>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{op}Response>"
    ))
}

/// Amazon EC2. Operations that it does not know have nothing to tell.
pub fn answer(place: &Place, asked: &Asked, world: &World) -> Answer {
    let of = |name: &str, kind: Kind, item: &dyn Fn(u64) -> String| {
        let size = field(asked, "MaxResults").and_then(|n| n.parse().ok());
        let token = field(asked, "NextToken");
        let (range, next) = page(world.count(kind), size.unwrap_or(1000), token);
        let items: String = range.map(item).collect();
        let next = next.map_or(String::new(), |next| {
            format!("<nextToken>{next}</nextToken>")
        });
        format!("<{name}>{items}</{name}>{next}")
    };
    let result = match &*asked.operation {
        "DescribeVolumes" => of("volumeSet", Kind::Volume, &|i| volume(place, world, i)),
        "DescribeSnapshots" => of("snapshotSet", Kind::Snapshot, &|i| {
            snapshot(place, world, i)
        }),
        "DescribeSecurityGroups" => of("securityGroupInfo", Kind::Group, &|i| {
            group(place, world, i)
        }),
        "DescribeSnapshotAttribute" => sharing(asked),
        "GetEbsEncryptionByDefault" => {
            "<ebsEncryptionByDefault>true</ebsEncryptionByDefault>".into()
        }
        "GetEbsDefaultKmsKeyId" => format!("<kmsKeyId>{}</kmsKeyId>", place.key(world, 0)),
        _ => String::new(),
    };
    let op = &asked.operation;
    Answer::xml(format!(
        "<{op}Response xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>r</requestId>{result}</{op}Response>"
    ))
}

fn tag_set(index: u64) -> String {
    let tags: String = tags(index)
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    format!("<tagSet>{tags}</tagSet>")
}

fn encryption(place: &Place, world: &World, index: u64) -> String {
    match index.is_multiple_of(10) || world.is_changed(index) {
        true => "<encrypted>false</encrypted>".into(),
        false => format!(
            "<encrypted>true</encrypted><kmsKeyId>{}</kmsKeyId>",
            place.key(world, index)
        ),
    }
}

fn volume(place: &Place, world: &World, index: u64) -> String {
    let (id, instance) = (place.id("vol", index), place.id("i", index / 2));
    let zone = format!("{}{}", place.region, ["a", "b", "c"][index as usize % 3]);
    format!(
        "<item><volumeId>{id}</volumeId><size>{}</size><snapshotId/><availabilityZone>{zone}</availabilityZone>\
         <status>in-use</status><createTime>2026-03-01T09:30:00.000Z</createTime><attachmentSet><item><volumeId>{id}</volumeId>\
         <instanceId>{instance}</instanceId><device>/dev/sda1</device><status>attached</status></item></attachmentSet>{}\
         <volumeType>gp3</volumeType><iops>3000</iops>{}<multiAttachEnabled>false</multiAttachEnabled></item>",
        8 + index % 500,
        tag_set(index),
        encryption(place, world, index)
    )
}

fn snapshot(place: &Place, world: &World, index: u64) -> String {
    format!(
        "<item><snapshotId>{}</snapshotId><volumeId>{}</volumeId><status>completed</status>\
         <startTime>2026-05-01T03:00:00.000Z</startTime><progress>100%</progress><ownerId>{}</ownerId><volumeSize>{}</volumeSize>\
         <description>nightly</description><storageTier>standard</storageTier>{}{}</item>",
        place.id("snap", index),
        place.id("vol", index),
        place.account,
        8 + index % 500,
        tag_set(index),
        encryption(place, world, index)
    )
}

/// One in fifty is everybody's.
fn sharing(asked: &Asked) -> String {
    let id = field(asked, "SnapshotId").unwrap_or_default();
    let low = id.get(id.len().saturating_sub(6)..).unwrap_or_default();
    let public = u64::from_str_radix(low, 16).is_ok_and(|index| index % 50 == 1);
    let shared = match public {
        true => "<item><group>all</group></item>",
        false => "",
    };
    format!(
        "<snapshotId>{id}</snapshotId><createVolumePermission>{shared}</createVolumePermission>"
    )
}

fn group(place: &Place, world: &World, index: u64) -> String {
    let rule = |port: u64, cidr: &str| {
        format!(
            "<item><ipProtocol>tcp</ipProtocol><fromPort>{port}</fromPort><toPort>{port}</toPort><groups/>\
             <ipRanges><item><cidrIp>{cidr}</cidrIp><description>in</description></item></ipRanges><ipv6Ranges/><prefixListIds/></item>"
        )
    };
    let open = match index.is_multiple_of(20) || world.is_changed(index) {
        true => "0.0.0.0/0",
        false => "10.0.0.0/8",
    };
    format!(
        "<item><ownerId>{}</ownerId><groupId>{}</groupId><groupName>shop-{index:05}</groupName>\
         <groupDescription>of the shop</groupDescription><vpcId>{}</vpcId><ipPermissions>{}{}</ipPermissions>\
         <ipPermissionsEgress><item><ipProtocol>-1</ipProtocol><groups/><ipRanges><item><cidrIp>0.0.0.0/0</cidrIp></item></ipRanges>\
         <ipv6Ranges/><prefixListIds/></item></ipPermissionsEgress>{}</item>",
        place.account,
        place.id("sg", index),
        place.id("vpc", 0),
        rule(443, "10.0.0.0/8"),
        rule(5432, open),
        tag_set(index)
    )
}
