//! The page that shows a participant: where it is, and what becomes of its address on the way to this machine. Pure.

use crate::standing::{condition, phase, reason};
use understudy_crds::condition::ParticipantCondition;
use understudy_crds::v1alpha1::{EndpointType, VirtualParticipant};
use url::Url;

/// What to know of the address of a pod.
pub const FROM_WHERE: &str = "this is the address of the pod, for machines with a way to pods; from elsewhere, --port-forward \
    brings the page";

/// What to know of a page that comes through the API server.
pub const WITHOUT_MEDIA: &str = "only the page comes this way: its picture and sound come from the pod's own address, over UDP or \
    TCP (port 10003), and a browser that has no way there shows the page without them";

/// Where the page is, and why not.
pub fn page(participant: &VirtualParticipant) -> Result<Url, String> {
    let endpoints = participant.status.iter().flat_map(|status| &status.endpoints);
    let view = endpoints.into_iter().find(|endpoint| endpoint.type_ == EndpointType::View);
    view.and_then(|view| view.url.parse().ok()).ok_or_else(|| {
        let ready = condition(participant, ParticipantCondition::Ready);
        let why = ready.map_or_else(String::new, |ready| format!(" ({})", reason(ready)));
        format!(
            "there is no page to look at yet: the participant is {}{why}; `watch` tells when it is another",
            phase(participant)
        )
    })
}

/// The same page, with what opens it.
pub fn opened(page: &Url, token: &str) -> Url {
    let mut page = page.clone();
    page.query_pairs_mut().append_pair("token", token);
    page
}

/// The same page at a port of this machine.
pub fn forwarded(page: &Url, port: u16) -> Option<Url> {
    let mut page = page.clone();
    page.set_host(Some("localhost")).ok()?;
    page.set_port(Some(port)).ok()?;
    Some(page)
}

/// The port of this machine that kubectl says it forwards.
pub fn port(line: &str) -> Option<u16> {
    let (local, _remote) = line.strip_prefix("Forwarding from ")?.split_once(" -> ")?;
    local.rsplit_once(':')?.1.parse().ok()
}

/// A document that leads on to the page: a browser is given its file, for what stands in arguments others read.
pub fn leading_to(page: &Url) -> String {
    let address = page.as_str().replace('&', "&amp;").replace('"', "&quot;");
    format!("<!doctype html><meta http-equiv=\"refresh\" content=\"0;url={address}\">\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::standing::tests::{ada, conditions};
    use serde_json::json;

    #[test]
    fn a_page_is_opened_by_its_token_wherever_it_is_seen_from() {
        let view =
            json!({"name": "View", "type": "View", "url": "http://[fd00::9]:10001/view", "scope": "Cluster"});
        let page = page(&ada(&json!({}), &json!({"endpoints": [view]}))).unwrap();
        assert_eq!(opened(&page, "a+b").as_str(), "http://[fd00::9]:10001/view?token=a%2Bb");
        let here = forwarded(&page, 40000).unwrap();
        assert_eq!(opened(&here, "t").as_str(), "http://localhost:40000/view?token=t");
        let led = leading_to(&opened(&here, "t"));
        assert!(led.contains("url=http://localhost:40000/view?token=t\""), "{led}");
    }

    #[test]
    fn who_cannot_look_yet_is_told_why() {
        let waiting =
            json!({"phase": "Provisioning", "conditions": conditions(&[("Ready", "False", "PodPending")])});
        let why = page(&ada(&json!({}), &waiting)).unwrap_err();
        assert!(
            why.contains("the participant is Provisioning (PodPending: in words of PodPending)"),
            "{why}"
        );
    }

    #[test]
    fn the_port_is_read_from_what_kubectl_says() {
        assert_eq!(port("Forwarding from 127.0.0.1:40123 -> 10001"), Some(40123));
        assert_eq!(port("Forwarding from [::1]:40123 -> 10001"), Some(40123));
        assert_eq!(port("Handling connection for 40123"), None);
    }
}
