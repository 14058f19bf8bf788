//! H.264 from Annex B to lengths (ISO/IEC 14496-15 §5.3), as FLV carries it.

use bytes::{BufMut, Bytes, BytesMut};
use understudy_core::fanout::h264::units;

/// A keyframe of H.264, and a picture that is none.
const KEY: u8 = 0x17;
const DELTA: u8 = 0x27;
const HEADER: u8 = 0;
const PICTURE: u8 = 1;

const SPS: u8 = 7;
const PPS: u8 = 8;
/// What says nothing that the message does not.
const DELIMITER: u8 = 9;
const FILLER: u8 = 12;

/// What a decoder has to know first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    sps: Bytes,
    pps: Vec<Bytes>,
}

/// Those that stand in an access unit.
pub fn parameters(access_unit: &Bytes) -> Option<Parameters> {
    let of = |wanted| units(access_unit).filter(move |unit| kind(unit) == Some(wanted));
    // Profile and level are read of it.
    let sps = of(SPS).find(|sps| sps.len() > 3 && sps.len() <= usize::from(u16::MAX))?;
    let fits = |pps: &Bytes| pps.len() <= usize::from(u16::MAX);
    let pps: Vec<Bytes> = of(PPS).filter(fits).take(usize::from(u8::MAX)).collect();
    (!pps.is_empty()).then_some(Parameters { sps, pps })
}

/// The body of the message that comes before all pictures.
pub fn header(parameters: &Parameters) -> Bytes {
    let Parameters { sps, pps } = parameters;
    let mut out = BytesMut::new();
    out.put_slice(&[KEY, HEADER, 0, 0, 0]);
    // AVCDecoderConfigurationRecord; lengths have four bytes, and there is one SPS.
    out.put_slice(&[1, sps[1], sps[2], sps[3], 0xff, 0xe1]);
    put_short(&mut out, sps);
    out.put_u8(u8::try_from(pps.len()).unwrap_or(u8::MAX));
    pps.iter().for_each(|pps| put_short(&mut out, pps));
    out.freeze()
}

/// The body of a picture's message. Nothing is shown in another order than it is decoded.
pub fn picture(access_unit: &Bytes, key: bool) -> Bytes {
    let mut out = BytesMut::with_capacity(access_unit.len() + 16);
    out.put_slice(&[if key { KEY } else { DELTA }, PICTURE, 0, 0, 0]);
    let said = |unit: &Bytes| !matches!(kind(unit), None | Some(SPS | PPS | DELIMITER | FILLER));
    for unit in units(access_unit).filter(said) {
        out.put_u32(u32::try_from(unit.len()).unwrap_or(u32::MAX));
        out.put_slice(&unit);
    }
    out.freeze()
}

fn kind(unit: &Bytes) -> Option<u8> {
    unit.first().map(|header| header & 0x1f)
}

fn put_short(out: &mut BytesMut, bytes: &[u8]) {
    out.put_u16(u16::try_from(bytes.len()).unwrap_or(u16::MAX));
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEYFRAME: &[u8] = &[
        0, 0, 0, 1, 9, 0xf0, 0, 0, 0, 1, 0x67, 0x42, 0xc0, 0x1f, 5, 0, 0, 1, 0x68, 6, 0, 0, 1, 0x65, 7, 8, 9,
    ];

    #[test]
    fn a_keyframe_is_its_parameters_and_a_picture_without_them() {
        let unit = Bytes::from_static(KEYFRAME);
        let parameters = parameters(&unit).unwrap();
        assert_eq!(
            header(&parameters)[..],
            [
                0x17, 0, 0, 0, 0, 1, 0x42, 0xc0, 0x1f, 0xff, 0xe1, 0, 5, 0x67, 0x42, 0xc0, 0x1f, 5, 1, 0, 2,
                0x68, 6
            ]
        );
        assert_eq!(picture(&unit, true)[..], [0x17, 1, 0, 0, 0, 0, 0, 0, 4, 0x65, 7, 8, 9]);
    }

    #[test]
    fn a_picture_alone_has_no_parameters() {
        let unit = Bytes::from_static(&[0, 0, 1, 0x41, 1]);
        assert_eq!(parameters(&unit), None);
        assert_eq!(picture(&unit, false)[..], [0x27, 1, 0, 0, 0, 0, 0, 0, 2, 0x41, 1]);
    }

    proptest! {
        #[test]
        fn any_bytes_make_a_body(bytes in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..300)) {
            let unit = Bytes::from(bytes);
            if let Some(parameters) = parameters(&unit) {
                header(&parameters);
            }
            prop_assert!(picture(&unit, true).len() <= 2 * unit.len() + 5);
        }
    }
}
