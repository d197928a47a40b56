use std::sync::Arc;

use dnlb_model::{Role, Secret, User};
use dnlb_store::{SqliteStore, Transaction};
use serde_json::json;

use super::*;
use crate::{
    access::By,
    test_scene::{add_instance, populate},
};

/// Somebody of an account.
pub(crate) fn actor(account: &str) -> Actor {
    let caller = Caller {
        account: AccountId(format!("account-{account}")),
        user: "user-1".into(),
        user_name: "u".into(),
        role: Role::Operator,
        by: By::Key("AK1".into()),
    };
    let text = str::to_owned;
    Actor {
        caller,
        request_id: text("r"),
        source: text("::1"),
        service: text("vpc"),
        operation: text("ModifyVpc"),
    }
}

fn scene() -> Region {
    let mut region = Region::default();
    populate(&mut region);
    region.settings = Arc::new(crate::test_scene::settings());
    let host = dnlb_model::Host {
        id: "h1".into(),
        index: 1,
        az: "lab-1a".into(),
        rack: "r1".into(),
        underlay: [192, 0, 2, 1].into(),
        edge: false,
        compute: true,
        state: HostState::Up,
        created: 0,
    };
    region.hosts.insert(host.id.clone(), Arc::new(host));
    add_instance(&mut region, 1, 1);
    region
}

fn records(actor: Option<&Actor>, old: &Region, new: &Region) -> Vec<(String, serde_json::Value)> {
    let writes = entries(actor, old, new, UNIX_EPOCH + Duration::from_millis(1_500)).unwrap();
    let read =
        |(key, value): (String, Option<Vec<u8>>)| (key, serde_json::from_slice(&value.unwrap()).unwrap());
    writes.into_iter().map(read).collect()
}

#[test]
fn a_record_says_who_changed_what_from_what() {
    let old = scene();
    let mut new = old.clone();
    Arc::make_mut(new.vpcs.get_mut(&dnlb_model::VpcId::from("vpc-1")).unwrap()).name = "other".into();
    let [(key, record)] = records(Some(&actor("a")), &old, &new).try_into().unwrap();
    assert_eq!(key, "audit/account-a/00000000001500-r");
    assert_eq!((&record["time"], &record["userName"]), (&json!("1970-01-01T00:00:01Z"), &json!("u")));
    let changes = json!([{
        "resourceType": "vpc", "resourceId": "vpc-1", "before": {"name": "v"}, "after": {"name": "other"}
    }]);
    assert_eq!(record["changes"], changes);
    assert_eq!(records(None, &old, &new), [], "what the server does itself has no author");
    assert_eq!(records(Some(&actor("a")), &old, &old), []);
}

#[test]
fn a_record_shows_no_secret() {
    let mut new = Region::default();
    let user = User {
        id: "user-1".into(),
        account: "account-a".into(),
        name: "u".into(),
        description: String::new(),
        role: Role::Viewer,
        password: Some(Secret("hash of it".into())),
        enabled: true,
        created: 0,
    };
    new.users.insert(user.id.clone(), Arc::new(user));
    let made = records(Some(&actor("a")), &Region::default(), &new);
    assert_eq!(made[0].1["changes"][0]["after"]["password"], "(secret)");
    assert!(!made[0].1.to_string().contains("hash of it"));
}

#[test]
fn what_happens_by_itself_is_an_event_of_whose_it_is() {
    let mut old = scene();
    old.owners.insert("i-1".into(), Arc::new("account-b".into()));
    old.owners.insert("backend-1".into(), Arc::new("account-b".into()));
    let mut new = old.clone();
    Arc::make_mut(new.hosts.get_mut(&dnlb_model::HostId::from("h1")).unwrap()).state = HostState::Down;
    let id = dnlb_model::InstanceId::from("i-1");
    Arc::make_mut(new.instances.get_mut(&id).unwrap()).state = InstanceState::unheard();
    let health = dnlb_model::Health { healthy: false, reason: "timeout".into(), since: 1 };
    new.health.insert(("backend-1".into(), "i-1".into()), Arc::new(health));
    let told: Vec<_> = records(None, &old, &new)
        .into_iter()
        .map(|(key, event)| {
            let account = key.split('/').nth(1).unwrap().to_owned();
            (
                account,
                event["kind"].as_str().unwrap().to_owned(),
                event["message"].as_str().unwrap().to_owned(),
                event["instanceId"].as_str().map(str::to_owned),
            )
        })
        .collect();
    let told: Vec<_> = told
        .iter()
        .map(|(account, kind, message, target)| {
            (account.as_str(), kind.as_str(), message.as_str(), target.as_deref())
        })
        .collect();
    assert_eq!(
        told,
        [
            ("account-operating", "HostDown", "its heart-beats are missing", None),
            ("account-b", "InstanceFailed", "its host is down", None),
            ("account-b", "TargetUnhealthy", "target i-1: timeout", Some("i-1")),
        ]
    );
}

async fn store() -> (tempfile::TempDir, Arc<SqliteStore>) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(SqliteStore::open(&dir.path().join("store.db")).unwrap());
    let event = |second: usize| {
        let event = Event {
            time: second.to_string(),
            kind: if second.is_multiple_of(2) { "even" } else { "odd" }.to_owned(),
            resource_type: String::new(),
            resource_id: String::new(),
            instance_id: None,
            message: String::new(),
        };
        serde_json::to_vec(&event).unwrap()
    };
    let mut writes = Vec::new();
    for account in ["account-a", "account-ab"] {
        for second in 0..1200 {
            writes.push((format!("{EVENTS}{account}/{:014}-x", second * 1000), Some(event(second))));
        }
    }
    store.commit(Transaction { conditions: Vec::new(), writes }).await.unwrap();
    (dir, store)
}

#[tokio::test]
async fn records_are_found_page_by_page_newest_first() {
    let (_dir, store) = store().await;
    let account = AccountId::from("account-a");
    let mut asked = Search { begin: Some(100), end: Some(1100), token: None, limit: 150 };
    let mut all = Vec::new();
    loop {
        let odd = |event: &Event| event.kind == "odd";
        let (page, next) = search(&*store, EVENTS, &account, &asked, odd).await.unwrap();
        assert!(page.len() <= 150);
        all.extend(page.into_iter().map(|event| event.time.parse::<usize>().unwrap()));
        asked.token = next;
        if asked.token.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (100..1100).rev().filter(|second| second % 2 == 1).collect();
    assert_eq!(all, expected);
}

#[tokio::test]
async fn old_records_of_all_accounts_go() {
    let (_dir, store) = store().await;
    let gone = retention::forget(&*store, Duration::from_secs(1100)).await.unwrap();
    assert_eq!(gone, 2 * 1100);
    assert_eq!(store.list("").await.unwrap().entries.len(), 2 * 100);
    assert_eq!(retention::forget(&*store, Duration::from_secs(1100)).await.unwrap(), 0);
}
