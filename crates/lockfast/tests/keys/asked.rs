//! Questions about the web shop.

use crate::{Ran, lockfast, root, run};
use serde_json::Value;

pub fn webshop(args: &[&str]) -> Ran {
    run(lockfast(root()).args(args).args([
        "--from",
        "examples/webshop",
        "--config",
        "examples/webshop/lockfast.toml",
    ]))
}

pub fn list(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

#[test]
fn every_key_is_listed_with_what_hangs_on_it() {
    let ran = webshop(&["keys", "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let keys = ran.json();
    let database = list(&keys)
        .iter()
        .find(|key| key["key"] == "alias/webshop/prod/restricted/database")
        .expect("the database's key");
    assert_eq!(database["classification"], "restricted");
    assert_eq!(database["region"], "eu-central-1");
    assert_eq!(database["rotation"]["period_days"], 180);
    let kinds: Vec<_> = list(&database["dependents"])
        .iter()
        .map(|on| on["type"].clone())
        .collect();
    assert!(kinds.contains(&"AWS::RDS::DBInstance".into()), "{kinds:?}");
    let table = webshop(&["keys"]);
    assert!(
        table.out.contains("webshop/prod/restricted/database"),
        "{}",
        table.out
    );
}

#[test]
fn a_role_may_decrypt_through_the_service_that_the_key_policy_names() {
    let ask = |context: &str| {
        webshop(&[
            "can",
            "Prod/Api/Checkout/ServiceRole",
            "kms:Decrypt",
            "alias/webshop/prod/confidential/general",
            "--context",
            context,
            "--format",
            "json",
        ])
    };
    let through = ask("kms:ViaService=sqs.eu-central-1.amazonaws.com");
    assert_eq!(through.code, 0, "{}{}", through.out, through.err);
    let told = through.json();
    assert_eq!(told["may"], "yes");
    let policies = list(&told["because"]);
    // The key policy leaves it to the account, whose identity's policy allows; each says where.
    let leaves = "leaves it to the policies of the account's identities";
    for (policy, says) in [("key policy", leaves), ("identity", "allows")] {
        let said = policies.iter().find(|said| {
            said["policy"]
                .as_str()
                .is_some_and(|name| name.starts_with(policy))
                && said["says"] == says
        });
        let at = said.expect(policy)["at"][0]
            .as_str()
            .expect("a place")
            .to_owned();
        assert!(at.contains(".template.json:"), "{at}");
    }
    // Directly, it may not; and of nothing known, it depends.
    assert_eq!(ask("kms:ViaService=").code, 1);
    let open = webshop(&[
        "can",
        "Prod/Api/Checkout/ServiceRole",
        "kms:Decrypt",
        "alias/webshop/prod/confidential/general",
        "--format",
        "json",
    ]);
    assert_eq!(open.code, 4);
    assert!(
        open.json()["if"].to_string().contains("kms:ViaService"),
        "{}",
        open.out
    );
}

#[test]
fn who_could_get_there_is_told_with_the_way() {
    let ran = webshop(&[
        "who-can",
        "decrypt",
        "alias/webshop/prod/restricted/customers",
        "--escalations",
        "--format",
        "json",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let told = ran.json();
    let holders = list(&told["holders"]);
    assert!(
        holders
            .iter()
            .any(|holder| holder["principal"] == "Prod/App/ShopTask/TaskRole")
    );
    let ways = list(&told["escalations"]);
    let way = |who: &str, how: &str| {
        ways.iter().any(|way| {
            way["principal"]
                .as_str()
                .is_some_and(|name| name.contains(who))
                && way["by"].as_str().is_some_and(|by| by.contains(how))
        })
    };
    assert!(
        way("webshop-key-administrators", "kms:PutKeyPolicy"),
        "{}",
        ran.out
    );
    assert!(
        way(
            "ecs-tasks.amazonaws.com",
            "may assume Prod/App/ShopTask/TaskRole"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn a_secret_is_read_by_who_may_read_and_decrypt_it() {
    let secrets = webshop(&["secrets", "--format", "json"]).json();
    let secret = list(&secrets)[0]["secret"]
        .as_str()
        .expect("a secret")
        .to_owned();
    let ran = webshop(&["who-can", "read", &secret, "--format", "json"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    for holder in list(&ran.json()["holders"]) {
        let because = list(&holder["because"]);
        // The secret's side and the key's.
        assert!(because.len() >= 2, "{holder}");
    }
}

#[test]
fn what_stops_first_is_told_first() {
    let ran = webshop(&[
        "keys",
        "blast-radius",
        "alias/webshop/prod/confidential/general",
    ]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    let (soon, later) = (
        ran.out.find("Stops within"),
        ran.out.find("Stops when it is next"),
    );
    assert!(
        soon.expect("queues") < later.expect("functions"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("Amazon SQS Developer Guide"),
        "{}",
        ran.out
    );
}

#[test]
fn no_key_is_called_unused_on_templates_alone() {
    let ran = webshop(&["keys", "unused", "--format", "json"]);
    let keys = ran.json();
    assert!(list(&keys).iter().all(|key| key["use"] != "unused"));
    assert!(list(&keys).iter().any(|key| key["use"] == "unknown"));
    assert_eq!(ran.code, 4);
}

#[test]
fn keys_that_nothing_rotates_in_time_are_told() {
    let ran = webshop(&["keys", "rotation", "--format", "json"]);
    let keys = ran.json();
    let key = list(&keys)
        .iter()
        .find(|key| key["key"] == "alias/webshop/staging/confidential/general")
        .expect("the key");
    assert_eq!(key["rotation"]["due"], "unset", "{key}");
    assert_eq!(key["rotation"]["mend"][0]["do"], "enable-rotation");
    let plan = webshop(&[
        "keys",
        "rotate",
        "alias/webshop/staging/confidential/general",
    ]);
    assert!(
        plan.out.contains("kms:EnableKeyRotation"),
        "{}{}",
        plan.out,
        plan.err
    );
    assert!(plan.out.contains("nothing was done"), "{}", plan.out);
    // Templates have nothing to rotate.
    let apply = webshop(&["keys", "rotate", "--apply"]);
    assert_eq!(apply.code, 2);
}

#[test]
fn a_map_is_drawn_in_every_form() {
    let tree = webshop(&["keys", "map", "alias/webshop/prod/restricted/database"]);
    assert!(
        tree.out.contains("└─ who may use it"),
        "{}{}",
        tree.out,
        tree.err
    );
    for (format, begins) in [
        ("dot", "digraph"),
        ("svg", "<svg"),
        ("html", "<!doctype html>"),
        ("json", "["),
    ] {
        let ran = webshop(&["keys", "map", "--format", format]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let start = ran.out.trim_start().to_lowercase();
        let start = start
            .strip_prefix("<?xml version=\"1.0\" encoding=\"utf-8\"?>")
            .unwrap_or(&start);
        assert!(
            start.trim_start().starts_with(begins),
            "{format}: {}",
            &ran.out[..80]
        );
    }
}

#[test]
fn every_pair_of_the_matrix_is_what_can_says() {
    let matrix = webshop(&["who-can", "matrix", "--format", "json"]).json();
    let pairs = list(&matrix["pairs"]);
    assert!(pairs.len() > 20, "{}", pairs.len());
    for pair in pairs.iter().step_by(7) {
        let (who, key) = (
            pair["principal"].as_str().unwrap(),
            pair["resource"].as_str().unwrap(),
        );
        let can = webshop(&["can", who, "kms:Decrypt", key, "--format", "json"]);
        assert_eq!(can.json()["may"], pair["may"], "{who} {key}");
    }
}

#[test]
fn a_name_that_is_none_or_several_is_told() {
    let none = webshop(&[
        "keys",
        "blast-radius",
        "alias/webshop/prod/restricted/databse",
    ]);
    assert_eq!(none.code, 2);
    assert!(
        none.err
            .contains("did you mean `alias/webshop/prod/restricted/database`"),
        "{}",
        none.err
    );
    let who = webshop(&[
        "can",
        "Prod/Nobody",
        "kms:Decrypt",
        "alias/webshop/prod/restricted/database",
    ]);
    assert_eq!(who.code, 2);
    let action = webshop(&[
        "can",
        "Prod/Api/Checkout/ServiceRole",
        "Decrypt",
        "alias/webshop/prod/restricted/database",
    ]);
    assert!(action.err.contains("is no action"), "{}", action.err);
    let empty = tempfile::tempdir().expect("a folder");
    let nothing = run(lockfast(empty.path()).args(["keys"]));
    assert_eq!(nothing.code, 2, "{}", nothing.out);
}

#[test]
fn guards_are_what_the_control_asks_for() {
    let folder = tempfile::tempdir().expect("a folder");
    let role = "arn:aws:iam::111111111111:role/key-deletion";
    let ran = run(lockfast(folder.path()).args(["keys", "guard", "--broker-role", role]));
    assert_eq!(ran.code, 0, "{}", ran.err);
    let mut statements = ran.json()["Statement"]
        .as_array()
        .expect("statements")
        .clone();
    let unless = serde_json::json!({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::111111111111:role/deploy"}});
    statements.extend([
        serde_json::json!({"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "kms:*", "Resource": "*"}),
        serde_json::json!({"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "kms:PutKeyPolicy", "Resource": "*", "Condition": unless}),
    ]);
    let template = |statements: &[Value]| {
        serde_json::json!({"Resources": {"Key": {"Type": "AWS::KMS::Key", "Properties": {
            "KeyPolicy": {"Version": "2012-10-17", "Statement": statements}}}}})
    };
    let judged = |statements: &[Value]| {
        std::fs::write(
            folder.path().join("t.json"),
            template(statements).to_string(),
        )
        .expect("written");
        run(lockfast(folder.path()).args(["check", "t.json", "--only", "key-deletion-guarded"]))
            .code
    };
    assert_eq!(judged(&statements), 0);
    // Without the guard the control fails.
    assert_eq!(judged(&statements[3..]), 1);
}

#[test]
fn a_key_whose_template_writes_no_policy_has_the_default_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let trust = serde_json::json!({"Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]});
    let may = serde_json::json!({"Statement": [{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}]});
    let role = |policies: Value| serde_json::json!({"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": trust, "Policies": policies}});
    let template = serde_json::json!({"Resources": {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"Description": "orders"}},
        "Reader": role(serde_json::json!([{"PolicyName": "read", "PolicyDocument": may}])),
        "Other": role(serde_json::json!([])),
    }});
    std::fs::write(folder.path().join("t.json"), template.to_string()).expect("written");
    let can = |who: &str| {
        run(lockfast(folder.path()).args(["can", who, "kms:Decrypt", "Key", "--from", "t.json"]))
    };
    let reader = can("Reader");
    assert_eq!(reader.code, 0, "{}{}", reader.out, reader.err);
    assert!(
        reader.out.contains("the default key policy"),
        "{}",
        reader.out
    );
    assert_eq!(can("Other").code, 1);
}

/// A role that may do everything with a key, an endpoint that lets through what it knows, and the two together.
fn behind_an_endpoint() -> tempfile::TempDir {
    let statements =
        |statements: Value| serde_json::json!({"Version": "2012-10-17", "Statement": statements});
    let template = serde_json::json!({"Resources": {
        "Key": {"Type": "AWS::KMS::Key", "Properties": {"KeyPolicy": statements(serde_json::json!([
            {"Sid": "Account", "Effect": "Allow", "Principal": {"AWS": {"Fn::Sub": "arn:aws:iam::${AWS::AccountId}:root"}}, "Action": "kms:*", "Resource": "*"},
            {"Sid": "ThroughTheEndpointOnly", "Effect": "Deny", "Principal": "*", "Action": "kms:Decrypt", "Resource": "*",
             "Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-0123456789abcdef0"}}},
        ]))}},
        "App": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": statements(serde_json::json!([])),
            "Policies": [{"PolicyName": "all", "PolicyDocument": statements(serde_json::json!([{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]))}],
        }},
        "Endpoint": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {
            "ServiceName": "com.amazonaws.eu-central-1.kms", "VpcId": "vpc-0123456789abcdef0", "VpcEndpointType": "Interface",
            "PolicyDocument": statements(serde_json::json!([{"Effect": "Allow", "Principal": "*", "Action": ["kms:Decrypt", "kms:Encrypt"], "Resource": "*"}])),
        }},
    }});
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, value: &Value| {
        std::fs::write(folder.path().join(name), value.to_string()).expect("written");
    };
    write("t.json", &template);
    write(
        "session.json",
        &statements(
            serde_json::json!([{"Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*"}]),
        ),
    );
    folder
}

#[test]
fn endpoints_and_sessions_limit_what_a_role_may() {
    let folder = behind_an_endpoint();
    let can = |action: &str, more: &[&str]| {
        run(lockfast(folder.path())
            .args(["can", "App", action, "Key", "--from", "t.json"])
            .args(more))
    };
    // From where the call comes is not known.
    assert_eq!(can("kms:Decrypt", &[]).code, 4);
    let through = can("kms:Decrypt", &["--through", "Endpoint"]);
    assert_eq!(through.code, 0, "{}{}", through.out, through.err);
    assert!(
        through
            .out
            .contains("policy of VPC endpoint Endpoint allows"),
        "{}",
        through.out
    );
    // The key policy names the account only: the role's own policy is what allows.
    let said = "key policy leaves it to the policies of the account's identities";
    assert!(through.out.contains(said), "{}", through.out);
    let barred = can("kms:Sign", &["--through", "Endpoint"]);
    assert_eq!(barred.code, 1, "{}", barred.out);
    assert!(
        barred
            .out
            .contains("policy of VPC endpoint Endpoint is silent"),
        "{}",
        barred.out
    );
    let session = ["--session-policy", "session.json"];
    assert_eq!(can("kms:Encrypt", &session).code, 0);
    let narrowed = can("kms:Sign", &session);
    assert_eq!(narrowed.code, 1, "{}", narrowed.out);
    assert!(
        narrowed
            .out
            .contains("session policy session.json is silent"),
        "{}",
        narrowed.out
    );
    let none = can("kms:Sign", &["--through", "vpce-0"]);
    assert_eq!(none.code, 2);
    assert!(none.err.contains("no such VPC endpoint"), "{}", none.err);
    std::fs::write(folder.path().join("session.json"), "{").expect("written");
    let torn = can("kms:Encrypt", &session);
    assert_eq!(torn.code, 2);
    assert!(torn.err.contains("session.json"), "{}", torn.err);
}

#[test]
fn what_cannot_be_meant_is_told_and_not_answered() {
    let folder = tempfile::tempdir().expect("a folder");
    let template = serde_json::json!({"Resources": {
        "Signing": {"Type": "AWS::KMS::Key", "Properties": {"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}},
        "Orders": {"Type": "AWS::KMS::Key", "Properties": {}},
        "OrdersAlias": {"Type": "AWS::KMS::Alias", "Properties": {"AliasName": "alias/orders", "TargetKeyId": {"Ref": "Orders"}}},
        "Through": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"ServiceName": "com.amazonaws.eu-central-1.s3", "VpcId": "vpc-1"}},
        "Admin": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": {"Statement": []},
            "Policies": [{"PolicyName": "all", "PolicyDocument": {"Statement": [
                {"Effect": "Allow", "Action": ["kms:Sign", "kms:Decrypt", "kms:PutKeyPolicy", "kms:CreateGrant"], "Resource": "*"}]}}],
        }},
        "Keeper": {"Type": "AWS::IAM::Role", "Properties": {
            "AssumeRolePolicyDocument": {"Statement": []},
            "Policies": [{"PolicyName": "policy", "PolicyDocument": {"Statement": [
                {"Effect": "Allow", "Action": ["kms:PutKeyPolicy", "kms:CreateGrant"], "Resource": "*"}]}}],
        }},
    }});
    let write = |name: &str, template: &Value| {
        std::fs::write(folder.path().join(name), template.to_string()).expect("written");
    };
    write("t.json", &template);
    let ask = |args: &[&str]| {
        run(lockfast(folder.path())
            .args(args)
            .args(["--from", "t.json"]))
    };
    // A key for signatures decrypts for nobody, whatever policies say.
    let decrypt = ask(&["can", "Admin", "kms:Decrypt", "Signing"]);
    assert_eq!(decrypt.code, 1, "{}", decrypt.out);
    assert!(
        decrypt.out.contains("is for SIGN_VERIFY"),
        "{}",
        decrypt.out
    );
    assert_eq!(ask(&["can", "Admin", "kms:Sign", "Signing"]).code, 0);
    let nobody = ask(&["who-can", "decrypt", "Signing"]);
    assert!(nobody.out.contains("nobody"), "{}", nobody.out);
    // Who may not decrypt may come to.
    let ways = ask(&["can", "Keeper", "kms:Decrypt", "Orders", "--escalations"]);
    assert_eq!(ways.code, 1, "{}", ways.out);
    for way in ["may write the key policy", "may make a grant"] {
        assert!(ways.out.contains(way), "{}", ways.out);
    }
    let typo = ask(&["can", "Admin", "kms:Decrpyt", "Orders"]);
    assert_eq!(typo.code, 2);
    assert!(
        typo.err.contains("did you mean `kms:Decrypt`"),
        "{}",
        typo.err
    );
    let wrong = ask(&[
        "can",
        "Admin",
        "kms:Decrypt",
        "Orders",
        "--through",
        "Through",
    ]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("an endpoint of s3"), "{}", wrong.err);
    let swallowed = run(lockfast(folder.path()).args(["keys", "--from", "t.json", "map"]));
    assert_eq!(swallowed.code, 2);
    assert!(
        swallowed.err.contains("stands before it"),
        "{}",
        swallowed.err
    );
    // A name that is a key's and a bucket's is nobody's.
    let mut second = template.clone();
    second["Resources"] =
        serde_json::json!({"Orders": {"Type": "AWS::S3::Bucket", "Properties": {}}});
    write("second.json", &second);
    let both = run(lockfast(folder.path()).args([
        "can",
        "Admin",
        "kms:Decrypt",
        "Orders",
        "--from",
        "t.json",
        "second.json",
    ]));
    assert_eq!(both.code, 2, "{}", both.out);
    assert!(both.err.contains("any of 2 resources"), "{}", both.err);
    let alias = run(lockfast(folder.path()).args([
        "can",
        "Admin",
        "kms:Decrypt",
        "alias/orders",
        "--from",
        "t.json",
        "second.json",
    ]));
    assert_eq!(alias.code, 0, "{}{}", alias.out, alias.err);
}
