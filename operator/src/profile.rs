//! Runtime profiles: the shape of session pods, decided by the platform and not by whoever may create participants.
//!
//! Read once at the start from the file that the chart renders; a change of it rolls the operator.

use ipnet::IpNet;
use k8s_openapi::api::core::v1::{ResourceRequirements, Toleration};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Why there are no profiles: the site's fault.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file is not there.
    #[error("cannot read runtime profiles from {path}")]
    File { path: PathBuf, source: std::io::Error },
    /// The file is not what it should be.
    #[error("runtime profiles in {path} are not valid")]
    Content { path: PathBuf, source: serde_yaml_ng::Error },
}

/// All profiles by name.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profiles {
    profiles: BTreeMap<String, Profile>,
}

/// The shape of a session pod.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Profile {
    /// The runtime's image.
    pub image: String,
    /// `IfNotPresent` unless said otherwise.
    #[serde(default)]
    pub image_pull_policy: PullPolicy,
    /// Names of Secrets in the participant's namespace.
    #[serde(default)]
    pub image_pull_secrets: Vec<String>,
    /// Requests and limits of the one container.
    #[serde(default)]
    pub resources: ResourceRequirements,
    /// Labels that a node must have.
    #[serde(default)]
    pub node_selector: BTreeMap<String, String>,
    /// Taints that are put up with.
    #[serde(default)]
    pub tolerations: Vec<Toleration>,
    /// System calls that the pod may use.
    #[serde(default)]
    pub seccomp: Seccomp,
    /// How the camera is made.
    #[serde(default)]
    pub camera: Camera,
    /// Whether participants may have a page.
    #[serde(default)]
    pub browser: Browser,
    /// Which addresses beside the public internet participants may have media fetched from.
    #[serde(default)]
    pub allow_private_urls: PrivateUrls,
}

/// Networks, addresses, or `*` alone for all; empty: none. The URL of a source is a user's, and shall not reach into the
/// platform's network from a pod of the platform.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct PrivateUrls(Vec<String>);

/// When the kubelet fetches an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "Kubernetes' own words")]
pub enum PullPolicy {
    #[default]
    IfNotPresent,
    Always,
    Never,
}

impl PullPolicy {
    /// As Kubernetes writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IfNotPresent => "IfNotPresent",
            Self::Always => "Always",
            Self::Never => "Never",
        }
    }
}

/// System calls that the pod may use.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", tag = "type")]
pub enum Seccomp {
    /// The container runtime's own list; Chromium then runs without its own sandbox.
    #[default]
    #[serde(rename = "RuntimeDefault")]
    RuntimeDefault,
    /// A list on the node, by its path below the kubelet's folder: one that allows user namespaces lets Chromium's sandbox work.
    #[serde(rename = "Localhost", rename_all = "camelCase")]
    Localhost {
        /// Path below the kubelet's `seccomp` folder.
        localhost_profile: String,
    },
}

/// How the runtime makes the camera.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Camera {
    /// The best that the pod allows.
    #[default]
    Auto,
    /// A camera node of PipeWire.
    Pipewire,
    /// A v4l2loopback device, which `resources` or the node must give to the pod.
    V4l2,
    /// A file that the browser reads again and again.
    File,
}

impl Camera {
    /// As the runtime reads it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Pipewire => "pipewire",
            Self::V4l2 => "v4l2",
            Self::File => "file",
        }
    }
}

/// Whether participants may have a page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum Browser {
    /// The image has a browser.
    #[default]
    Allowed,
    /// A participant with a page is refused.
    Forbidden,
}

impl PrivateUrls {
    /// As the runtime reads it; `None`: nothing is allowed.
    pub fn setting(&self) -> Option<String> {
        (!self.0.is_empty()).then(|| self.0.join(","))
    }
}

impl TryFrom<Vec<String>> for PrivateUrls {
    type Error = String;

    fn try_from(list: Vec<String>) -> Result<Self, String> {
        if list == ["*"] {
            return Ok(Self(list));
        }
        match list.iter().find(|one| !is_network(one)) {
            Some(wrong) => Err(format!(
                "allowPrivateUrls: {wrong:?} is neither a network (as 10.0.0.0/8) nor an address; \"*\" stands alone"
            )),
            None => Ok(Self(list)),
        }
    }
}

/// Read as the runtime reads it.
fn is_network(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || text.parse::<IpNet>().is_ok()
}

impl Profiles {
    /// Reads the file.
    pub fn read(path: &Path) -> Result<Self, Error> {
        let text =
            std::fs::read_to_string(path).map_err(|source| Error::File { path: path.into(), source })?;
        serde_yaml_ng::from_str(&text).map_err(|source| Error::Content { path: path.into(), source })
    }

    /// Made of pairs, for whoever has no file.
    pub fn new(profiles: impl IntoIterator<Item = (String, Profile)>) -> Self {
        Self { profiles: profiles.into_iter().collect() }
    }

    /// The profile of that name.
    pub fn get(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Profiles, serde_yaml_ng::Error> {
        serde_yaml_ng::from_str(text)
    }

    #[test]
    fn an_image_is_all_that_a_profile_needs() {
        let profiles = parse("profiles: {default: {image: 'understudy/runtime:1'}}").unwrap();
        let profile = profiles.get("default").unwrap();
        assert_eq!(profile.seccomp, Seccomp::RuntimeDefault);
        assert_eq!(profile.image_pull_policy, PullPolicy::IfNotPresent);
        assert_eq!(profile.browser, Browser::Allowed);
    }

    #[test]
    fn a_localhost_seccomp_profile_names_its_file() {
        let text = "profiles: {x: {image: i, seccomp: {type: Localhost, localhostProfile: chromium.json}}}";
        let profiles = parse(text).unwrap();
        let expected = Seccomp::Localhost { localhost_profile: "chromium.json".into() };
        assert_eq!(profiles.get("x").unwrap().seccomp, expected);
        assert!(parse("profiles: {x: {image: i, seccomp: {type: Localhost}}}").is_err());
    }

    #[test]
    fn a_camera_that_the_runtime_cannot_make_is_refused() {
        let camera = |name| parse(&format!("profiles: {{x: {{image: i, camera: {name}}}}}"));
        for name in ["auto", "pipewire", "v4l2", "file"] {
            assert_eq!(camera(name).unwrap().get("x").unwrap().camera.as_str(), name);
        }
        assert!(camera("webcam").is_err());
    }

    #[test]
    fn private_urls_are_networks_or_all_of_them() {
        let setting = |list: &str| {
            parse(&format!("profiles: {{x: {{image: i, allowPrivateUrls: {list}}}}}"))
                .map(|profiles| profiles.get("x").unwrap().allow_private_urls.setting())
                .map_err(|error| error.to_string())
        };
        assert_eq!(setting("[]"), Ok(None));
        assert_eq!(setting("['*']"), Ok(Some("*".into())));
        assert_eq!(
            setting("[10.0.0.0/8, 'fd00::/8', 192.0.2.1]"),
            Ok(Some("10.0.0.0/8,fd00::/8,192.0.2.1".into()))
        );
        for wrong in ["10.0.0.0/33", "camera.lan", "10.0.0.0/", "*"] {
            let error = setting(&format!("[10.1.0.0/16, '{wrong}']")).unwrap_err();
            assert!(error.contains(&format!("{wrong:?}")), "{error}");
        }
    }

    #[test]
    fn a_misspelt_setting_is_refused() {
        let error = parse("profiles: {x: {image: i, nodeSelectr: {}}}").unwrap_err();
        assert!(error.to_string().contains("nodeSelectr"), "{error}");
    }
}
