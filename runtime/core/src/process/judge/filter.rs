//! Graphs of filters, read just enough to know each filter by its name and what of its arguments is a file.
//!
//! ```text
//!   [in]scale=iw/2:-1,hue=s=0[out];[out]split
//! ```
//! ffmpeg takes escapes and quotes away once or twice before it looks a name up. Here all of them are taken away: what is a
//! path in the end is one then, too.

/// They open files, addresses or devices, or load code.
const REFUSED: &[&str] = &[
    "amovie",
    "arnndn",
    "asr",
    "ass",
    "azmq",
    "cover_rect",
    "ddagrab",
    "deshake_opencl",
    "dnn_classify",
    "dnn_detect",
    "dnn_processing",
    "derain",
    "drawvg",
    "find_rect",
    "frei0r",
    "frei0r_src",
    "gfxcapture",
    "hwupload",
    "kmsgrab",
    "ladspa",
    "libvmaf",
    "libvmaf_cuda",
    "lut1d",
    "lut3d",
    "lut3d_vulkan",
    "lv2",
    "movie",
    "nnedi",
    "ocr",
    "openclsrc",
    "program_opencl",
    "removelogo",
    "signature",
    "sofalizer",
    "sr",
    "subtitles",
    "vidstabdetect",
    "vidstabtransform",
    "whisper",
    "zmq",
];

/// They do so by some of their arguments, which are given by name then, so that it is known which is which.
const BY_NAME: &[(&str, &[&str])] = &[
    ("ametadata", &["file"]),
    ("asendcmd", &["f", "filename"]),
    ("curves", &["plot", "psfile"]),
    ("deshake", &["filename"]),
    ("drawtext", &["fontfile", "textfile"]),
    ("firequalizer", &["dumpfile"]),
    ("flite", &["textfile"]),
    ("libplacebo", &["custom_shader_bin", "custom_shader_path", "lut", "shader_cache"]),
    ("metadata", &["file"]),
    ("psnr", &["f", "stats_file"]),
    ("qrencode", &["textfile"]),
    ("qrencodesrc", &["textfile"]),
    ("sendcmd", &["f", "filename"]),
    ("showcqt", &["axisfile", "fontfile"]),
    ("ssim", &["f", "stats_file"]),
    ("ssim360", &["f", "stats_file"]),
    ("vmafmotion", &["stats_file"]),
    ("xpsnr", &["f", "stats_file"]),
];

/// Whether each filter of the graph may be used as it is.
pub(super) fn judge(graph: &str) -> Result<(), String> {
    filters(graph).iter().try_for_each(|filter| one(filter))
}

fn one(filter: &str) -> Result<(), String> {
    let filter = without_links(filter)?;
    let length = filter.find(['=', '[']).unwrap_or(filter.len());
    let (written, arguments) = filter.split_at(length);
    let arguments = without_quoted_links(arguments)?;
    // `scale@first` is a scale with a name of its own.
    let (name, own) = written.trim().split_once('@').unwrap_or((written.trim(), "_"));
    let is_name =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let is_nothing = filter.is_empty();
    if !(is_nothing || is_name(name) && is_name(own)) {
        return Err("the name of a filter has letters, digits and _ alone".to_owned());
    }
    if REFUSED.contains(&name) {
        return Err(format!("the filter {name} is not allowed: it opens files, addresses or devices"));
    }
    let arguments = bare(arguments.strip_prefix('=').unwrap_or(arguments));
    if let Some((_, refused)) = BY_NAME.iter().find(|(known, _)| *known == name) {
        by_name(name, &arguments, refused)?;
    }
    opens_nothing(name, &arguments)
}

fn by_name(name: &str, arguments: &str, refused: &[&str]) -> Result<(), String> {
    for argument in arguments.split(':').filter(|argument| !argument.is_empty()) {
        let key = argument.split('=').next().unwrap_or_default().trim();
        if refused.contains(&key) {
            return Err(format!("{key} of the filter {name} is not allowed: it opens a file"));
        }
        // Text has colons of its own; a first argument without a name would be a file for some of these.
        if !argument.contains('=') && arguments.starts_with(argument) {
            return Err(format!("the arguments of the filter {name} are to be given by their names"));
        }
    }
    Ok(())
}

/// Wherever a value could begin.
fn opens_nothing(name: &str, arguments: &str) -> Result<(), String> {
    let mut values = arguments.split([':', '=', '|', ',', ' ', '\n', '\t']);
    let is_path =
        values.any(|value| value.starts_with('/')) || arguments.contains("../") || arguments.contains("//");
    match is_path {
        true => Err(format!("the filter {name} is not allowed with a path or an address")),
        false => Ok(()),
    }
}

/// At the commas and semicolons that are neither quoted nor escaped.
fn filters(graph: &str) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let split = graph.split(move |c: char| {
        if is_escaped {
            is_escaped = false;
            return false;
        }
        match c {
            '\\' if !is_quoted => is_escaped = true,
            '\'' => is_quoted = !is_quoted,
            ',' | ';' if !is_quoted => return true,
            _ => {}
        }
        false
    });
    split.collect()
}

/// Without `[in]` before it; what stands behind it is no argument that matters.
fn without_links(filter: &str) -> Result<&str, String> {
    let mut rest = filter.trim();
    while let Some((link, after)) = rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        plain_link(link)?;
        rest = after.trim_start();
    }
    Ok(rest)
}

/// The arguments and the links behind them, none of which is quoted.
fn without_quoted_links(text: &str) -> Result<&str, String> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    let begin = text.find(|c: char| {
        let was_escaped = std::mem::take(&mut is_escaped);
        match c {
            _ if was_escaped => {}
            '\\' if !is_quoted => is_escaped = true,
            '\'' => is_quoted = !is_quoted,
            '[' => return !is_quoted,
            _ => {}
        }
        false
    });
    plain_link(begin.and_then(|begin| text.get(begin..)).unwrap_or_default())?;
    Ok(text)
}

/// A quote in one would hide where it ends.
fn plain_link(link: &str) -> Result<(), String> {
    match link.contains(['\\', '\'']) {
        true => Err("nothing in the name of a link may be quoted or escaped".to_owned()),
        false => Ok(()),
    }
}

fn bare(text: &str) -> String {
    text.chars().filter(|c| !matches!(c, '\\' | '\'')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_are_known_by_their_names_however_they_are_written() {
        for (graph, words) in [
            ("movie=a", "the filter movie"),
            ("[0:v] movie = a [x]", "the filter movie"),
            ("hwupload[x]", "the filter hwupload"),
            ("[0:v] sc\\ale = a [x]", "the name of a filter has"),
            ("'scale'=a", "the name of a filter has"),
            ("scale@a.b=1", "the name of a filter has"),
            ("=1", "the name of a filter has"),
            ("[a']scale=1[b']", "the name of a link"),
            ("[a\\]scale=1", "the name of a link"),
            ("scale=1[a'];null[b']", "the name of a link"),
            ("split[a\\]", "the name of a link"),
            ("scale=1:1,[a][b]amovie@b=c", "the filter amovie"),
            ("null;[in]lut3d=a", "the filter lut3d"),
            ("drawtext=text='a,b':textfile=c", "textfile of the filter drawtext"),
            ("drawtext=a:text=b", "the arguments of the filter drawtext are to be given by their names"),
            ("drawtext=font\\file=a:text=b", "fontfile of the filter drawtext"),
            ("sendcmd=f=a", "f of the filter sendcmd"),
            ("psnr=stats_file=a", "stats_file of the filter psnr"),
            ("psnr=a", "to be given by their names"),
            ("scale=/w=a", "the filter scale is not allowed with a path"),
            ("unknown=a=/b", "the filter unknown is not allowed with a path"),
            ("unknown=http\\://a", "the filter unknown is not allowed with a path"),
            ("unknown=../a", "the filter unknown is not allowed with a path"),
        ] {
            let error = judge(graph).unwrap_err();
            assert!(error.contains(words), "{graph}: {error}");
        }
        for graph in [
            "",
            "[0:v]split[a][b];[a]scale=640:-2[c];[b][c]overlay=W-w-10:(H-h)/2:format=auto",
            "drawtext=text='movie, subtitles; 12\\:00':x=10",
            "sine=f=440:r=48000,volume=0.1",
            "setpts=PTS/1.25,afade=t=in:st=0:d=5",
            "select='eq(pict_type,I)',psnr",
            "sws_flags=lanczos;[0:v]scale@first=1:1[a];[a] null ",
            "drawtext=text='a[b' [c]",
        ] {
            assert_eq!(judge(graph), Ok(()), "{graph}");
        }
    }
}
