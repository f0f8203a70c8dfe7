//! Rust's text as words and signs, without comments, strings and characters.

pub struct Token<'a> {
    /// Counted from 0.
    pub line: usize,
    pub text: &'a str,
}

pub fn tokens(text: &str) -> Vec<Token<'_>> {
    let (mut rest, mut line) = (text, 0);
    let mut tokens = Vec::new();
    while !rest.is_empty() {
        let (text, after) = rest.split_at(length(rest));
        if is_code(text) {
            tokens.push(Token { line, text });
        }
        line += text.matches('\n').count();
        rest = after;
    }
    tokens
}

pub fn is_word(text: &str) -> bool {
    text.starts_with(begins_word)
}

fn begins_word(c: char) -> bool {
    c.is_alphabetic() || c == '_'
}

fn is_code(text: &str) -> bool {
    let is_text = text.len() > 1 && text.ends_with(['"', '\'', '#']);
    !text.starts_with("//") && !text.starts_with("/*") && !text.trim().is_empty() && !is_text
}

/// How long the token is that a text begins with.
fn length(text: &str) -> usize {
    let to = |end: &str, from: usize| match text[from..].find(end) {
        Some(at) => from + at + end.len(),
        None => text.len(),
    };
    let first = text.chars().next().unwrap_or_default();
    if text.starts_with("//") {
        text.find('\n').unwrap_or(text.len())
    } else if text.starts_with("/*") {
        to("*/", 2)
    } else if let Some(hashes) = raw_string(text) {
        to(&format!("\"{}", "#".repeat(hashes)), to("\"", 0))
    } else if first == '"' {
        1 + quoted(&text[1..], '"')
    } else if first == '\'' && is_char(text) {
        1 + quoted(&text[1..], '\'')
    } else if begins_word(first) {
        text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len())
    } else if text.starts_with("::") {
        2
    } else {
        first.len_utf8()
    }
}

/// How many hashes a raw string has, if one begins here.
fn raw_string(text: &str) -> Option<usize> {
    let marks = text.strip_prefix('b').unwrap_or(text).strip_prefix('r')?;
    let after = marks.trim_start_matches('#');
    after.starts_with('"').then_some(marks.len() - after.len())
}

/// Rather than a lifetime.
fn is_char(text: &str) -> bool {
    text[1..].starts_with('\\') || text.chars().nth(2) == Some('\'')
}

/// The length of a text in quotes behind the first, with the last.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !is_escaped {
            return at + 1;
        }
        is_escaped = c == '\\' && !is_escaped;
    }
    text.len()
}

mod shown {
    use super::*;

    fn texts(text: &str) -> Vec<&str> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn words_and_signs_are_split() {
        assert_eq!(texts("a::b_1{c, *};"), ["a", "::", "b_1", "{", "c", ",", "*", "}", ";"]);
    }

    #[test]
    fn comments_strings_and_characters_are_left_out() {
        assert_eq!(texts("a // b\n/* c\nd */ e"), ["a", "e"]);
        assert_eq!(texts(r##"a "b \" c" d r#"e " f"# g br"h" i"##), ["a", "d", "g", "i"]);
        assert_eq!(texts(r"a 'b' c '\'' d '\\' e"), ["a", "c", "d", "e"]);
    }

    #[test]
    fn a_lifetime_is_no_character() {
        assert_eq!(texts("a<'b> c"), ["a", "<", "'", "b", ">", "c"]);
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let tokens = tokens("a\n\"\n\"\n/*\n*/ b\nc");
        assert_eq!(tokens.iter().map(|token| token.line).collect::<Vec<_>>(), [0, 4, 5]);
    }
}
