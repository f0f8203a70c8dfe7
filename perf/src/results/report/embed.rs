//! The raw data inside a page.

use crate::trouble::Trouble;
use serde::Serialize;
use std::io;

/// A document as it stands in a file.
///
/// # Errors
/// [`Trouble::System`], which ours never lead to.
pub fn pretty(document: &impl Serialize) -> Result<String, Trouble> {
    let text = serde_json::to_string_pretty(document);
    let text = text.map_err(|error| Trouble::System {
        what: "the JSON".into(),
        error: io::Error::other(error),
    })?;
    Ok(text + "\n")
}

/// JSON for a `script` element. All that could end the element stands in strings, where JSON has
/// another way to write it; what reads it reads the same.
pub fn in_script(json: &str) -> String {
    let mut text = String::with_capacity(json.len() + 64);
    for letter in json.chars() {
        match letter {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                text.push_str(&format!("\\u{:04x}", letter as u32));
            }
            _ => text.push(letter),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    #[test]
    fn nothing_ends_the_element_and_everything_reads_the_same() {
        let hostile =
            json!({ "</script><!--": ["]]>", "&lt;\u{2028}\u{2029}", "<script>", "\\u003c" ] });
        let text = in_script(&pretty(&hostile).unwrap());
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }
}
