//! Where a session can be watched: URLs made from the pod's address and the ports that the runtime reports.

use crate::names;
use std::net::IpAddr;
use understudy_crds::v1alpha1::{Endpoint, EndpointScope, EndpointType, LivestreamOutput};
use understudy_proto::v1::Report;

/// `HOST:PORT` of the session's HTTP surface.
pub fn address(pod_ip: &str, report: &Report) -> String {
    let port = report.ports.as_ref().map(|ports| ports.http).filter(|port| *port > 0);
    place(pod_ip, port.unwrap_or(u32::from(names::HTTP_PORT)))
}

fn place(pod_ip: &str, port: u32) -> String {
    match pod_ip.parse::<IpAddr>() {
        Ok(IpAddr::V6(address)) => format!("[{address}]:{port}"),
        _ => format!("{pod_ip}:{port}"),
    }
}

/// The name of the viewer page among endpoints that are named after livestreams: those have no capital letters.
const VIEW: &str = "View";

/// The page at which a browser watches.
pub fn view(address: &str) -> Endpoint {
    endpoint(VIEW, EndpointType::View, format!("http://{address}/view"))
}

/// Playback of one livestream over WebRTC.
pub fn whep(address: &str, livestream: &str) -> Endpoint {
    endpoint(livestream, EndpointType::Whep, format!("http://{address}/whep/{livestream}"))
}

/// Where the file of a recording is fetched.
pub fn recording(address: &str, livestream: &str) -> Endpoint {
    endpoint("Recording", EndpointType::Mp4, format!("http://{address}/recording/download?id={livestream}"))
}

/// Where else players fetch a livestream that goes this way.
pub fn players(pod_ip: &str, report: &Report, livestream: &str, output: &LivestreamOutput) -> Vec<Endpoint> {
    let ports = report.ports.unwrap_or_default();
    let rtmp = |name: &str, type_, port| {
        let url = format!("{}://{}/live/{livestream}", name.to_lowercase(), place(pod_ip, port));
        (port > 0).then(|| endpoint(name, type_, url))
    };
    let socket = || format!("ws://{}/stream/socket/{livestream}", address(pod_ip, report));
    let played = output.rtmp.is_some();
    [
        rtmp("Rtmp", EndpointType::Rtmp, ports.rtmp).filter(|_| played),
        rtmp("Rtmps", EndpointType::Rtmps, ports.rtmps).filter(|_| played),
        output.mpeg_ts.is_some().then(|| endpoint("Mpegts", EndpointType::MpegTs, socket())),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn endpoint(name: &str, type_: EndpointType, url: String) -> Endpoint {
    Endpoint { name: name.into(), type_, url, scope: EndpointScope::Cluster }
}

#[cfg(test)]
mod tests {
    use super::*;
    use understudy_proto::v1::Ports;

    #[test]
    fn each_way_that_players_fetch_has_its_address() {
        let ports = Some(Ports { rtmp: 1935, rtmps: 1936, ..Ports::default() });
        let report = Report { ports, ..Report::default() };
        let urls = |output: serde_json::Value, report: &Report| {
            let output = serde_json::from_value(output).unwrap();
            let all = players("fd00::1", report, "x", &output);
            all.into_iter().map(|endpoint| endpoint.url).collect::<Vec<_>>()
        };
        let rtmp = serde_json::json!({"rtmp": {}});
        assert_eq!(
            urls(rtmp.clone(), &report),
            ["rtmp://[fd00::1]:1935/live/x", "rtmps://[fd00::1]:1936/live/x"]
        );
        assert!(urls(rtmp, &Report::default()).is_empty(), "it is listened nowhere");
        let socket = urls(serde_json::json!({"mpegTS": {}}), &report);
        assert_eq!(socket, ["ws://[fd00::1]:10001/stream/socket/x"]);
        assert!(urls(serde_json::json!({"webRTC": {}}), &report).is_empty());
    }

    #[test]
    fn addresses_of_both_families_make_urls() {
        let report = Report { ports: Some(Ports { http: 8080, ..Ports::default() }), ..Report::default() };
        assert_eq!(view(&address("10.1.2.3", &report)).url, "http://10.1.2.3:8080/view");
        let default = address("fd00::1", &Report::default());
        assert_eq!(whep(&default, "x").url, "http://[fd00::1]:10001/whep/x");
        assert_eq!(recording(&default, "x").url, "http://[fd00::1]:10001/recording/download?id=x");
    }
}
