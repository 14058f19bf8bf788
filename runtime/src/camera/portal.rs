//! Our own `org.freedesktop.portal.Camera`: grants access at once and hands out connections to the
//! private PipeWire daemon.
//!
//! Chromium asks AccessCamera, waits for the Response signal of the request, then takes a file
//! descriptor from OpenPipeWireRemote. See the XDG Desktop Portal documentation of both interfaces.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use zbus::connection::AuthMechanism;
use zbus::object_server::SignalEmitter;
use zbus::zvariant::{Fd, OwnedObjectPath, OwnedValue, Value};
use zbus::{fdo, interface, message::Header};

const NAME: &str = "org.freedesktop.portal.Desktop";
const PATH: &str = "/org/freedesktop/portal/desktop";

type Options = HashMap<String, OwnedValue>;

struct Portal {
    pipewire: PathBuf,
}

/// Puts the portal on the bus at `address`. It is there for as long as the connection is held.
pub async fn serve(address: &str, pipewire: PathBuf) -> zbus::Result<zbus::Connection> {
    zbus::connection::Builder::address(address)?
        // As the bus knows everybody; it is not asked for anything else.
        .auth_mechanism(AuthMechanism::Anonymous)
        .serve_at(PATH, Portal { pipewire })?
        .name(NAME)?
        .build()
        .await
}

#[interface(name = "org.freedesktop.portal.Camera")]
impl Portal {
    async fn access_camera(
        &self,
        options: Options,
        #[zbus(header)] header: Header<'_>,
        #[zbus(connection)] connection: &zbus::Connection,
    ) -> fdo::Result<OwnedObjectPath> {
        let sender = header.sender().ok_or_else(|| fdo::Error::Failed("no sender".into()))?;
        let token = options.get("handle_token").and_then(|v| <&str>::try_from(v).ok()).unwrap_or("t");
        let request = request_path(sender.as_str(), token)?;
        let emitter =
            SignalEmitter::new(connection, request.clone())?.set_destination(sender.to_owned().into());
        let granted = (0_u32, HashMap::<&str, Value<'_>>::new());
        emitter.emit("org.freedesktop.portal.Request", "Response", &granted).await?;
        tracing::debug!(%sender, "camera access granted");
        Ok(request)
    }

    async fn open_pipe_wire_remote(&self, _options: Options) -> fdo::Result<Fd<'static>> {
        let stream = UnixStream::connect(&self.pipewire)
            .map_err(|error| fdo::Error::IOError(format!("PipeWire does not answer: {error}")))?;
        Ok(Fd::from(OwnedFd::from(stream)))
    }

    #[zbus(property)]
    async fn is_camera_present(&self) -> bool {
        true
    }

    #[zbus(property, name = "version")]
    async fn version(&self) -> u32 {
        1
    }
}

/// `/org/freedesktop/portal/desktop/request/SENDER/TOKEN`, the sender without its colon and with `_` for
/// its dots.
fn request_path(sender: &str, token: &str) -> fdo::Result<OwnedObjectPath> {
    let sender = sender.trim_start_matches(':').replace('.', "_");
    OwnedObjectPath::try_from(format!("{PATH}/request/{sender}/{token}"))
        .map_err(|error| fdo::Error::InvalidArgs(format!("handle_token: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_request_is_named_after_sender_and_token() {
        let path = request_path(":1.42", "capture7").unwrap();
        assert_eq!(path.as_str(), "/org/freedesktop/portal/desktop/request/1_42/capture7");
        assert!(request_path(":1.42", "not a token").is_err());
    }
}
