//! A server on an ephemeral port, and a network to work in.

use std::{net::IpAddr, path::Path, sync::Arc};

use dnlb_api::{
    ApiError,
    client::{CallError, Client},
};
use dnlb_model::{Host, HostId, HostState, InstanceId, InstanceState, Region, RegionSettings};
use dnlb_proto::{Answer, Asked, Question};
use dnlb_server::{
    RegionStore,
    access::FirstAdmin,
    console::Console,
    http::{self, Api, CallLimits},
    observed::SharedObserved,
    ops::Quotas,
};
use dnlb_store::SqliteStore;
use serde_json::{Value, json};
use tokio::{net::TcpListener, runtime::Runtime, sync::oneshot};

pub(crate) const ACCESS_KEY: &str = "AKTEST";
pub(crate) const REGION: &str = "lab-1";
pub(crate) const SECRET_KEY: &str = "SKTEST0123456789";
pub(crate) const PASSWORD: &str = "correct horse";

pub(crate) struct Server {
    pub(crate) client: Client,
    pub(crate) region: RegionStore,
    observed: SharedObserved,
    runtime: Runtime,
    _stop: oneshot::Sender<()>,
    _dir: tempfile::TempDir,
}

impl Server {
    /// Two zones with two hosts each, a pool of elastic IPs of each family.
    pub(crate) fn start() -> Self {
        Self::with_quotas(&[])
    }

    pub(crate) fn with_quotas(settings: &[&str]) -> Self {
        let mut quotas = Quotas::default();
        settings.iter().for_each(|setting| quotas.set(&setting.parse().unwrap()));
        Self::with(quotas, Console::default())
    }

    pub(crate) fn with_console(console: Console) -> Self {
        Self::with(Quotas::default(), console)
    }

    fn with(quotas: Quotas, console: Console) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let observed = SharedObserved::new();
        let seen = observed.clone();
        let (region, endpoint) = runtime.block_on(async {
            let store = Arc::new(SqliteStore::open(&dir.path().join("region.db")).unwrap());
            let settings = RegionSettings {
                name: "lab-1".into(),
                azs: vec!["lab-1a".into(), "lab-1b".into()],
                eip_pools: ["203.0.113.0/29", "2001:db8:e::/125"].map(|pool| pool.parse().unwrap()).to_vec(),
                ..RegionSettings::default()
            };
            let region = RegionStore::open(store, settings).await.unwrap();
            let add_hosts = |region: &mut Region| {
                for (index, az) in [(1, "lab-1a"), (2, "lab-1a"), (3, "lab-1b"), (4, "lab-1b")] {
                    let id = HostId(format!("h{index}"));
                    let host = Host {
                        id: id.clone(),
                        index,
                        az: az.into(),
                        rack: format!("{az}-r1"),
                        underlay: IpAddr::from([10, 255, 0, u8::try_from(index).unwrap()]),
                        edge: false,
                        compute: true,
                        state: HostState::Up,
                        created: 1,
                    };
                    region.hosts.insert(id, Arc::new(host));
                }
                Ok::<_, ()>(())
            };
            region.transact(add_hosts).await.unwrap();
            let (access_key, secret_key) = (ACCESS_KEY.to_owned(), SECRET_KEY.to_owned());
            let admin = FirstAdmin { access_key, secret_key, password: Some(PASSWORD.to_owned()) };
            region.transact(|region| admin.found(region, Path::new(""), 1)).await.unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let endpoint = listener.local_addr().unwrap().to_string();
            let api = Api {
                region: region.clone(),
                observed: seen,
                limits: CallLimits::new(Some(100_000)),
                quotas,
                console,
            };
            tokio::spawn(http::serve(listener, api, async {
                let _ = stopped.await;
            }));
            (region, endpoint)
        });
        let client = Client {
            endpoint,
            trust: None,
            region: "lab-1".into(),
            access_key: ACCESS_KEY.into(),
            secret_key: SECRET_KEY.into(),
            token: None,
        };
        Self { client, region, observed, runtime, _stop: stop, _dir: dir }
    }

    pub(crate) fn snapshot(&self) -> Arc<Region> {
        self.region.snapshot()
    }

    /// What agents would report.
    pub(crate) fn report(&self, id: &str, state: InstanceState) {
        let change = |region: &mut Region| {
            Arc::make_mut(region.instances.get_mut(&InstanceId::from(id)).unwrap()).state = state;
            Ok::<_, ()>(())
        };
        self.runtime.block_on(self.region.transact(change)).unwrap();
    }

    /// A host that answers what it is asked.
    pub(crate) fn answering(&self, host: &str, answer: fn(Question) -> Result<Answer, String>) {
        let (questions, host) = (self.observed.questions().clone(), HostId::from(host));
        let mut respondent = questions.connect(&host, true);
        self.runtime.spawn(async move {
            while let Some(Asked { id, question }) = respondent.next().await {
                questions.on_answer(&host, id, answer(question));
            }
        });
    }

    pub(crate) fn transact(&self, change: impl FnOnce(&mut Region)) {
        let change = |region: &mut Region| {
            change(region);
            Ok::<_, ()>(())
        };
        self.runtime.block_on(self.region.transact(change)).unwrap();
    }

    pub(crate) fn call(
        &self,
        service: &str,
        method: &str,
        path: &str,
        body: Value,
    ) -> Result<Value, ApiError> {
        let body = (!body.is_null()).then_some(body);
        match self.client.call(service, method, path, &[], body.as_ref()) {
            Ok(result) => Ok(result),
            Err(CallError::Api(error)) => Err(error),
            Err(other) => panic!("{method} {path}: {other}"),
        }
    }

    pub(crate) fn get(&self, service: &str, path: &str, query: &[(&str, &str)]) -> Value {
        let query: Vec<(String, String)> =
            query.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        self.client.call(service, "GET", path, &query, None::<&Value>).unwrap()
    }

    pub(crate) fn post(&self, service: &str, path: &str, body: Value) -> Value {
        self.call(service, "POST", path, body).unwrap()
    }

    pub(crate) fn patch(&self, service: &str, path: &str, body: Value) -> Value {
        self.call(service, "PATCH", path, body).unwrap()
    }

    pub(crate) fn delete(&self, service: &str, path: &str) -> Value {
        self.call(service, "DELETE", path, Value::Null).unwrap()
    }

    /// Posts, and gives back the id under a key of the result.
    pub(crate) fn create(&self, service: &str, path: &str, key: &str, body: Value) -> String {
        self.post(service, path, body)[key].as_str().unwrap().to_owned()
    }

    /// A request that must be refused with this code and words, and change nothing.
    #[track_caller]
    pub(crate) fn refused(
        &self,
        code: u16,
        words: &str,
        service: &str,
        method: &str,
        path: &str,
        body: Value,
    ) {
        let before = self.snapshot();
        let error = self.call(service, method, path, body).unwrap_err();
        assert_eq!(error.code, code, "{method} {path}: {error}");
        let status = match code {
            400 => ["INVALID_ARGUMENT", "FAILED_PRECONDITION"].as_slice(),
            404 => &["NOT_FOUND"],
            409 => &["ALREADY_EXISTS"],
            429 => &["QUOTA_EXCEEDED"],
            other => panic!("no test expects {other}"),
        };
        assert!(status.contains(&error.status.as_str()), "{error}");
        assert!(error.message.contains(words), "`{}` does not say `{words}`", error.message);
        assert!(Arc::ptr_eq(&before, &self.snapshot()), "{method} {path} changed something");
    }
}

/// Ids of a network with everything that a load balancer needs.
pub(crate) struct Network {
    pub(crate) vpc: String,
    pub(crate) subnet: String,
    pub(crate) security_group: String,
    pub(crate) acl: String,
    pub(crate) template: String,
    pub(crate) ag: String,
}

impl Network {
    pub(crate) fn new(server: &Server, name: &str) -> Self {
        let vpc = server.create(
            "vpc",
            "vpcs/",
            "vpcId",
            json!({"vpcName": name, "addressPrefix": "10.77.0.0/16", "description": null}),
        );
        let subnet = server.create(
            "vpc",
            "subnets/",
            "subnetId",
            json!({"vpcId": vpc, "subnetName": name, "addressPrefix": "10.77.1.0/24"}),
        );
        let security_group = server.create(
            "vpc",
            "networkSecurityGroups/",
            "networkSecurityGroupId",
            json!({"vpcId": vpc, "networkSecurityGroupName": name}),
        );
        server.post(
            "vpc",
            &format!("networkSecurityGroups/{security_group}:addNetworkSecurityGroupRules"),
            json!({"networkSecurityGroupRuleSpecs": [
                {"protocol": 6, "direction": 0, "addressPrefix": "0.0.0.0/0", "fromPort": 8080, "toPort": 8080},
                {"protocol": 300, "direction": 1, "addressPrefix": "0.0.0.0/0"},
            ]}),
        );
        let acl = server.create(
            "vpc",
            "networkAcls/",
            "networkAclId",
            json!({"vpcId": vpc, "networkAclName": name}),
        );
        let rule = |direction| {
            json!({"protocol": "All", "direction": direction, "addressPrefix": "0.0.0.0/0",
                   "ruleAction": "allow", "priority": 1000})
        };
        server.post(
            "vpc",
            &format!("networkAcls/{acl}:addNetworkAclRules"),
            json!({"networkAclRuleSpecs": [rule("ingress"), rule("egress")]}),
        );
        server.post(
            "vpc",
            &format!("networkAcls/{acl}%3AassociateNetworkAcl"),
            json!({"subnetIds": [subnet]}),
        );
        let template = server.create(
            "vm",
            "instanceTemplates",
            "instanceTemplateId",
            json!({"name": name, "instanceTemplateData": {
                "instanceType": "g.n2.medium", "imageId": "img-web",
                "primaryNetworkInterface": {"networkInterface": {
                    "subnetId": subnet, "securityGroups": [security_group]}},
                "userdata": [{"key": "launch-script", "value": "IyEvYmluL3NoCmVjaG8gaGkK"}],
                "metadata": [{"key": "role", "value": "web"}]}}),
        );
        let ag = server.create(
            "ag",
            "availabilityGroups",
            "agId",
            json!({"agName": name, "azs": ["lab-1a", "lab-1b"], "instanceTemplateId": template}),
        );
        Self { vpc, subnet, security_group, acl, template, ag }
    }

    pub(crate) fn grow(&self, server: &Server, count: usize) -> Vec<String> {
        let spec = json!({"instanceSpec": {"name": "web-[1]", "agId": self.ag}, "maxCount": count});
        ids(&server.post("vm", "instances", spec)["instanceIds"])
    }

    pub(crate) fn load_balancer(&self, server: &Server) -> String {
        server.create(
            "lb",
            "loadBalancers/",
            "loadBalancerId",
            json!({"loadBalancerName": "lb", "subnetId": self.subnet, "type": "dnlb"}),
        )
    }

    pub(crate) fn backend(&self, server: &Server, load_balancer: &str) -> String {
        server.create(
            "lb",
            "backends/",
            "backendId",
            json!({"backendName": "be", "loadBalancerId": load_balancer, "protocol": "Tcp", "port": 8080,
                   "algorithm": "IpHash", "agIds": [self.ag],
                   "healthCheckSpec": {"protocol": "Tcp", "intervalSeconds": 5, "port": null}}),
        )
    }

    pub(crate) fn listener(&self, server: &Server, load_balancer: &str, backend: &str, port: u16) -> String {
        server.create(
            "lb",
            "listeners/",
            "listenerId",
            json!({"listenerName": "li", "loadBalancerId": load_balancer, "backendId": backend,
                   "protocol": "Tcp", "port": port}),
        )
    }
}

pub(crate) fn ids(list: &Value) -> Vec<String> {
    list.as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}
