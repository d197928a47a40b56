//! Instance templates.

use std::{fs, path::Path, path::PathBuf};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use clap::Subcommand;
use serde_json::{Map, Value, json};

use super::{Common, Texts, common, create, pairs, parse_pair, update};
use crate::{
    api::Api,
    kind::{SECURITY_GROUP, SUBNET, TEMPLATE},
    print::Format,
};

#[derive(Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Common(Common),
    /// Create one
    Create {
        /// Name
        name: String,
        /// Subnet of its instances, by name or id
        #[arg(long)]
        subnet: String,
        /// Security groups, by name or id
        #[arg(long = "sg", value_delimiter = ',')]
        security_groups: Vec<String>,
        /// Image: img-web answers HTTP with who it is, img-blank runs its launch script alone
        #[arg(long, default_value = "img-web")]
        image: String,
        /// Size
        #[arg(long = "type", default_value = "g.n2.medium")]
        instance_type: String,
        /// File with the script that an instance runs at its start
        #[arg(long)]
        script: Option<PathBuf>,
        /// Metadata; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
        metadata: Vec<(String, String)>,
        /// Description
        #[arg(long)]
        description: Option<String>,
    },
    /// Change one, for instances made from then on
    Update {
        /// Name or id
        name: String,
        #[command(flatten)]
        texts: Texts,
        /// Subnet of its instances, by name or id
        #[arg(long)]
        subnet: Option<String>,
        /// Security groups, by name or id, instead of those that it has
        #[arg(long = "sg", value_delimiter = ',')]
        security_groups: Option<Vec<String>>,
        /// Image
        #[arg(long)]
        image: Option<String>,
        /// Size
        #[arg(long = "type")]
        instance_type: Option<String>,
        /// File with the script that an instance runs at its start
        #[arg(long)]
        script: Option<PathBuf>,
        /// Metadata instead of what it has; may be repeated
        #[arg(long, value_name = "KEY=VALUE", value_parser = parse_pair)]
        metadata: Option<Vec<(String, String)>>,
    },
}

pub(crate) fn run(api: &Api, command: Command, format: Format) -> Result<()> {
    match command {
        Command::Common(command) => common(api, &TEMPLATE, command, format),
        Command::Create {
            name,
            subnet,
            security_groups,
            image,
            instance_type,
            script,
            metadata,
            description,
        } => {
            let mut data = json!({
                "instanceType": instance_type,
                "imageId": image,
                "primaryNetworkInterface": {"networkInterface": {
                    "subnetId": api.id(&SUBNET, &subnet)?,
                    "securityGroups": api.ids(&SECURITY_GROUP, &security_groups)?,
                }},
                "metadata": pairs(&metadata),
            });
            if let Some(path) = script {
                data["userdata"] = userdata(&path)?;
            }
            let body = json!({"name": name, "instanceTemplateData": data, "description": description});
            create(api, &TEMPLATE, body, format)
        }
        Command::Update { name, texts, subnet, security_groups, image, instance_type, script, metadata } => {
            let mut interface = Map::new();
            if let Some(subnet) = subnet {
                interface.insert("subnetId".into(), api.id(&SUBNET, &subnet)?.into());
            }
            if let Some(groups) = security_groups {
                interface.insert("securityGroups".into(), api.ids(&SECURITY_GROUP, &groups)?.into());
            }
            let mut data = Map::new();
            if !interface.is_empty() {
                let interface = json!({"networkInterface": interface});
                data.insert("primaryNetworkInterface".into(), interface);
            }
            if let Some(path) = script {
                data.insert("userdata".into(), userdata(&path)?);
            }
            data.extend(image.map(|image| ("imageId".into(), image.into())));
            data.extend(instance_type.map(|size| ("instanceType".into(), size.into())));
            data.extend(metadata.map(|metadata| ("metadata".into(), pairs(&metadata))));
            let mut body = Map::new();
            body.extend(texts.new_name.map(|name| ("name".into(), name.into())));
            body.extend(texts.description.map(|text| ("description".into(), text.into())));
            if !data.is_empty() {
                body.insert("instanceTemplateData".into(), data.into());
            }
            ensure!(!body.is_empty(), "nothing to change was given: --help lists what can be");
            update(api, &TEMPLATE, &name, Value::Object(body), format)
        }
    }
}

/// A script as the API takes it, from a file.
pub(super) fn userdata(path: &Path) -> Result<Value> {
    let script = fs::read(path).with_context(|| format!("reading {}", path.display()))?;
    Ok(launch_script(&script))
}

/// A script as the API takes it.
pub(crate) fn launch_script(script: &[u8]) -> Value {
    json!([{"key": "launch-script", "value": BASE64_STANDARD.encode(script)}])
}
