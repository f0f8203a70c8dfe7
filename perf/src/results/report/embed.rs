//! The raw data inside a page.

/// JSON for a `script` element. Whatever could end the element is inside strings, where JSON has
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
    use crate::json;
    use serde_json::Value;

    #[test]
    fn nothing_ends_the_element_and_everything_reads_the_same() {
        let hostile = serde_json::json!({ "</script><!--": ["]]>", "&lt;\u{2028}\u{2029}", "<script>", "\\u003c" ] });
        let text = in_script(&json::pretty(&hostile).unwrap());
        assert!(!text.contains(['<', '>', '&', '\u{2028}']), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), hostile);
    }
}
