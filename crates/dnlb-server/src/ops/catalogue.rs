//! What instances can be made of: images and sizes that this server knows.

use dnlb_api::{ApiError, wire};
use dnlb_model::Region;
use wire::vm::{Image, InstanceType, InstanceTypeState};

use super::{Call, Outcome, check, list, one, quota};

/// Image id, name, description.
const IMAGES: &[(&str, &str, &str)] = &[
    (
        "img-web",
        "web",
        "HTTP server on port 8080 (or $DNLB_WEB_PORT) that answers with its instance id, zone, host and the client's address",
    ),
    ("img-blank", "blank", "runs the launch script and nothing else"),
];

/// Size, processors, megabytes of memory.
const TYPES: &[(&str, i64, i64)] = &[
    ("g.n2.medium", 1, 4096),
    ("g.n2.large", 2, 8192),
    ("g.n2.xlarge", 4, 16_384),
    ("g.n2.2xlarge", 8, 32_768),
];

/// By what sizes may be filtered.
pub(super) const TYPE_FILTERS: &[&str] = &["instanceTypes", "az", "architecture"];

/// Refuses an image that there is not.
pub(super) fn check_image(id: &str) -> Result<(), ApiError> {
    if IMAGES.iter().any(|(known, ..)| *known == id) {
        return Ok(());
    }
    Err(ApiError::not_found("image", check::shown(id)))
}

/// Refuses a size that there is not.
pub(super) fn check_type(name: &str) -> Result<(), ApiError> {
    if TYPES.iter().any(|(known, ..)| *known == name) {
        return Ok(());
    }
    Err(ApiError::not_found("instance type", check::shown(name)))
}

pub(super) fn images(_: &Region, call: &Call<'_>) -> Outcome {
    let page = call.query.page()?;
    let ids = call.query.array("ids");
    let source = call.query.text("imageSource");
    if ids.is_empty() && source.is_none() {
        return Err(ApiError::invalid(
            "imageSource is missing: public, thirdparty, private, shared or community",
        ));
    }
    let name = call.query.text("imageName");
    let offline = call.query.boolean("offline")?.unwrap_or(false);
    let wanted = |text: Option<&str>, value: &str| text.is_none_or(|text| text == value);
    let found: Vec<Image> = IMAGES
        .iter()
        .filter(|(id, ..)| ids.is_empty() || ids.contains(id))
        .filter(|(_, own, _)| wanted(name, own))
        .map(image)
        .filter(|image| wanted(source, &image.image_source) && !offline)
        .filter(|image| wanted(call.query.text("platform"), &image.platform))
        .filter(|image| wanted(call.query.text("rootDeviceType"), &image.root_device_type))
        .filter(|image| wanted(call.query.text("architecture"), &image.architecture))
        .filter(|image| wanted(call.query.text("status"), &image.status))
        .collect();
    let total = found.len();
    list::reply("images", &page.of(found), total)
}

pub(super) fn describe_image(_: &Region, call: &Call<'_>) -> Outcome {
    let id: String = call.id();
    check_image(&id)?;
    one("image", IMAGES.iter().find(|(known, ..)| *known == id).map(image))
}

pub(super) fn types(region: &Region, call: &Call<'_>) -> Outcome {
    let mut found: Vec<InstanceType> = TYPES.iter().map(|size| instance_type(region, size)).collect();
    for filter in call.query.filters()? {
        match filter.name.as_str() {
            "instanceTypes" => found.retain(|one| filter.accepts(&one.instance_type)),
            "az" => {
                if !region.settings.azs.iter().any(|az| filter.accepts(az)) {
                    found.clear();
                }
            }
            "architecture" => found.retain(|one| filter.accepts(&one.architecture)),
            other => {
                let other = check::shown(other);
                return Err(ApiError::invalid(format!(
                    "filter `{other}` is not known: {}",
                    TYPE_FILTERS.join(", ")
                )));
            }
        }
    }
    list::reply("instanceTypes", &found, found.len())
}

fn image(&(id, name, description): &(&str, &str, &str)) -> Image {
    Image {
        image_id: id.to_owned(),
        name: name.to_owned(),
        desc: description.to_owned(),
        platform: "Linux".to_owned(),
        os_version: "host".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        system_disk_size_gb: 0,
        image_source: "public".to_owned(),
        os_type: "linux".to_owned(),
        status: "ready".to_owned(),
        root_device_type: "localDisk".to_owned(),
        offline: false,
    }
}

fn instance_type(region: &Region, &(name, cpu, memory_mb): &(&str, i64, i64)) -> InstanceType {
    let up = |az: &String| {
        let carries = |host: &dnlb_model::Host| host.compute && host.state == dnlb_model::HostState::Up;
        region.hosts.values().any(|host| host.az == *az && carries(host))
    };
    InstanceType {
        family: "g.n2".to_owned(),
        instance_type: name.to_owned(),
        cpu,
        memory_mb,
        architecture: std::env::consts::ARCH.to_owned(),
        nic_limit: 1,
        cloud_disk_count_limit: 0,
        desc: format!("{cpu} processors, {} GB", memory_mb / 1024),
        state: region
            .settings
            .azs
            .iter()
            .map(|az| InstanceTypeState { az: az.clone(), in_stock: up(az) })
            .collect(),
        generation: quota::count(2),
    }
}
