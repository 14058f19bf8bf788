//! What is offered from here: to players that answer, and to servers that are published to.

use tokio_rustls::TlsConnector;
use understudy_core::guard::Policy;
use understudy_core::level::Level;
use understudy_core::offer::Unusable;
use understudy_core::turn::Server;

use super::driver::Command;
use super::relay::{Far, NoRelay};
use super::transport_address::{Through, TransportAddress};
use super::{AnswerError, Handle, Ice, OfferError, Offering, Published};
use crate::program::Program;

impl Handle {
    /// Offers somebody what it is to be shown, whose picture has that level of H.264. With the seat that is taken for it, it comes to nothing when it is dropped.
    pub fn offer(&self, ice: Ice, level: Level) -> Result<Offering, OfferError> {
        let seats = match ice {
            Ice::Lite => &self.viewer_seats,
            Ice::Full => &self.destination_seats,
        };
        let seat = seats.take().ok_or(OfferError::Full)?;
        if ice == Ice::Lite {
            return Offering::new((ice, level), &self.announced, seat);
        }
        let outlet = self.outlets.open().map_err(OfferError::NoPort)?;
        Ok(Offering::new((ice, level), &outlet.announced(&self.announced), seat)?.leaving_by(outlet))
    }

    /// Lets whoever answered an offer that leaves checks to it watch a program, as in [`Handle::watch`].
    pub async fn accept(
        &self,
        name: &str,
        program: &Program,
        offering: Offering,
        answer_sdp: &str,
    ) -> Result<(), AnswerError> {
        let answer = offering.read(answer_sdp)?;
        if answer.is_lite {
            return Err(AnswerError::Lite);
        }
        let viewer = offering.accepted(&answer)?;
        Ok(self.admit(name, program, viewer, vec![]).await?)
    }

    /// Sends a program, of a level of H.264 that it takes, to a server that answered an offer in which we check, at those of its
    /// addresses that may be contacted.
    /// [`Handle::end`] ends that too.
    pub async fn publish(
        &self,
        name: &str,
        program: impl FnOnce(Level) -> Option<Program>,
        (offering, answer_sdp): (Offering, &str),
        reach: &Policy,
    ) -> Result<Published, AnswerError> {
        let answer = offering.read(answer_sdp)?;
        let program = program(answer.level).ok_or(Unusable::Level(answer.level))?;
        let (sockets, port) = (answer.reachable(reach)?, offering.port());
        let through = port.map(Through::Port);
        let at = sockets.iter().map(|at| TransportAddress::udp(*at).through(through)).collect();
        let mut viewer = offering.reaching(&answer, &sockets, reach.clone())?;
        let progress = viewer.publish();
        let session_id = viewer.connection.session_id().to_owned();
        self.admit(name, &program, viewer, at).await?;
        let far = port.map(|port| Far { port, at: sockets });
        Ok(Published { session_id, progress, far })
    }

    /// Has a server that is published to be looked for by a relay, too, which one of these servers gives. `reach` says which of
    /// their addresses may be connected to, and `tls` whom to believe who they are.
    pub async fn ask_for_relay(
        &self,
        published: &Published,
        servers: &[Server],
        (reach, tls): (&Policy, &TlsConnector),
    ) -> Result<(), NoRelay> {
        let Some(far) = &published.far else { return Ok(()) };
        let relay = self.relays.first_of(servers, (reach, tls), far).await?;
        let add = |id, reply| Command::AddRelay { id, relay, at: far.at.clone(), reply };
        // Whoever is gone by then needs none.
        self.loops.ask(&published.session_id, add).await;
        Ok(())
    }
}
