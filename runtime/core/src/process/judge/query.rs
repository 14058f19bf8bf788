//! The query of an address that is connected to, or listened at: ffmpeg reads it as options.

/// In the query of an address ffmpeg reads options of the protocol; those that open or resolve something are not among these.
const QUERIES: &[(&str, &[&str])] = &[
    (
        "srt",
        &[
            "connect_timeout",
            "conntimeo",
            "enforced_encryption",
            "ffs",
            "inputbw",
            "iptos",
            "ipttl",
            "kmpreannounce",
            "kmrefreshrate",
            "latency",
            "linger",
            "listen_timeout",
            "lossmaxttl",
            "maxbw",
            "messageapi",
            "mininputbw",
            "minversion",
            "mode",
            "mss",
            "nakreport",
            "oheadbw",
            "passphrase",
            "payload_size",
            "pbkeylen",
            "peerlatency",
            "pkt_size",
            "rcvbuf",
            "rcvlatency",
            "recv_buffer_size",
            "send_buffer_size",
            "smoother",
            "snddropdelay",
            "sndbuf",
            "srt_streamid",
            "streamid",
            "timeout",
            "tlpktdrop",
            "transtype",
            "tsbpd",
        ],
    ),
    ("tcp", &["listen", "listen_timeout", "recv_buffer_size", "send_buffer_size", "tcp_nodelay", "timeout"]),
    ("tls", &["timeout"]),
    (
        "udp",
        &[
            "bitrate",
            "broadcast",
            "buffer_size",
            "burst_bits",
            "connect",
            "dscp",
            "fifo_size",
            "localport",
            "overrun_nonfatal",
            "pkt_size",
            "reuse",
            "timeout",
            "ttl",
        ],
    ),
    (
        "rtp",
        &[
            "buffer_size",
            "connect",
            "dscp",
            "localrtcpport",
            "localrtpport",
            "pkt_size",
            "rtcpport",
            "timeout",
            "ttl",
            "write_to_source",
        ],
    ),
];

/// Whether it asks for nothing but what is known to be harmless, each once.
pub(super) fn judge(scheme: &str, query: &str) -> Result<(), String> {
    let Some((_, known)) = QUERIES.iter().find(|(name, _)| *name == scheme) else { return Ok(()) };
    // A stream id of SRT may have an `&` of its own only if it is encoded; then it is no separator.
    let mut seen = Vec::new();
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, has_value) = pair.split_once('=').map_or((pair, false), |(name, _)| (name, true));
        if !known.contains(&name) {
            // Without a value it could be a part of a secret that was to be encoded.
            let name = if has_value { name } else { "a part without a value" };
            return Err(format!("{name} is not allowed in the query of {scheme}:"));
        }
        if seen.contains(&name) {
            return Err(format!("{name} is there twice in the query of {scheme}:"));
        }
        seen.push(name);
    }
    Ok(())
}
