//! A session that only carries out what stands at one address, picture and sound: nothing is beside it.

use understudy_core::spec::{Invalid, StreamUrl};
use understudy_proto::v1;

pub(super) fn parse(origin: &v1::Origin, spec: &v1::SessionSpec) -> Result<StreamUrl, Invalid> {
    if spec.page.is_some() || spec.inputs.is_some() {
        return Err(Invalid::new("origin", "needs a session without page and inputs"));
    }
    StreamUrl::parse("origin.url", &origin.url)
}

#[cfg(test)]
mod tests {
    use crate::spec::{parse, read};

    #[test]
    fn an_origin_is_one_stream_and_nothing_else() {
        let parsed = |text: &str| parse(&read(text).unwrap().session);
        let session = parsed("origin: {url: 'rtsp://camera.example/1?token=word'}").unwrap();
        assert_eq!(session.origin.unwrap().as_str(), "rtsp://camera.example/1?token=word");
        let refused = |text: &str| parsed(text).unwrap_err();
        assert_eq!(refused("origin: {url: 'file:///etc/hostname'}").field, "origin.url");
        assert_eq!(refused("{origin: {url: 'http://a'}, inputs: {}}").field, "origin");
        assert_eq!(refused("{origin: {url: 'http://a'}, page: {url: 'understudy:mirror'}}").field, "origin");
    }
}
