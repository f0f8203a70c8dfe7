//! The attribute macro on arbitrary tokens, and on impl blocks with some of theirs changed: it neither
//! panics nor writes what can't be parsed.

use crate::targets::program::Program;
use crate::targets::trace;
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use std::sync::OnceLock;

/// What programs begin with: the macro's own examples, good and bad.
const EXAMPLES: &[&str] = &[
    include_str!("../../../macros/ui/tests/pass/keys.rs"),
    include_str!("../../../macros/ui/tests/pass/generics.rs"),
    include_str!("../../../macros/ui/tests/pass/names.rs"),
    include_str!("../../../macros/ui/tests/pass/cfg.rs"),
    include_str!("../../../macros/ui/tests/pass/later.rs"),
    include_str!("../../../macros/ui/tests/pass/priority.rs"),
    include_str!("../../../macros/ui/tests/fail/argument_pattern.rs"),
    include_str!("../../../macros/ui/tests/fail/borrowed_argument.rs"),
    include_str!("../../../macros/ui/tests/fail/conflicting_keys.rs"),
    include_str!("../../../macros/ui/tests/fail/hooks.rs"),
    include_str!("../../../macros/ui/tests/fail/later.rs"),
    include_str!("../../../macros/ui/tests/fail/lifetime.rs"),
    include_str!("../../../macros/ui/tests/fail/misplaced.rs"),
    include_str!("../../../macros/ui/tests/fail/name_clash.rs"),
    include_str!("../../../macros/ui/tests/fail/receiver.rs"),
];

/// What may come in between.
const WORDS: &[&str] = &[
    "pub",
    "fn",
    "self",
    "&",
    "mut",
    "Self",
    "#",
    "[active(skip)]",
    "[active(guard = a)]",
    "(active)",
    "<T>",
    "'a",
    "dyn",
    "impl",
    "Later<u8>",
    "&mut Context<Self>",
    "->",
    ":",
    ",",
    "=",
    "r#type",
    "where",
    "[active(priority = urgent)]",
    "[cfg(a)]",
    "[active(rename = b)]",
    "!",
    "()",
    "_",
    "async",
    "unsafe",
    "const",
    "extern \"C\"",
    "...",
    "x",
    "{}",
    "crate",
    "super",
    "1",
    "\"a\"",
    "Box<Self>",
    "for",
    "..",
];

/// See the module.
pub fn target(bytes: &[u8]) {
    let program = Program::new(bytes);
    let (arguments, item) = match program.below(4) {
        0 => {
            // The rest of the bytes as it stands.
            let text = String::from_utf8_lossy(bytes.get(1..).unwrap_or_default());
            let Ok(item) = text.parse() else { return };
            (TokenStream::new(), item)
        }
        1 => (changed(&program, "crate = ::x::y".parse().expect("it lexes"), 0), block(&program)),
        _ => (TokenStream::new(), block(&program)),
    };
    trace!("#[active({arguments})] {item}");
    let expanded = crate::block::active(arguments, item);
    trace!("{expanded}");
    if let Err(error) = syn::parse2::<syn::File>(expanded.clone()) {
        panic!("it wrote what can't be parsed: {error}: {expanded}");
    }
}

/// One of the examples' impl blocks, with some tokens changed.
fn block(program: &Program) -> TokenStream {
    static BLOCKS: OnceLock<Vec<String>> = OnceLock::new();
    let blocks = BLOCKS.get_or_init(|| EXAMPLES.iter().flat_map(|text| blocks_of(text)).collect());
    let block = &blocks[program.below(blocks.len())];
    changed(program, block.parse().expect("it was printed"), 0)
}

/// The items behind `#[active]` in a file.
fn blocks_of(text: &str) -> Vec<String> {
    use quote::ToTokens;
    let file = syn::parse_file(text).expect("an example is a file");
    let is_active = |attribute: &syn::Attribute| attribute.path().is_ident("active");
    let block = |item: syn::Item| match item {
        syn::Item::Impl(mut block) if block.attrs.iter().any(is_active) => {
            block.attrs.retain(|attribute| !is_active(attribute));
            Some(block.to_token_stream().to_string())
        }
        _ => None,
    };
    file.items.into_iter().filter_map(block).collect()
}

/// The same tokens, but for some that are left out, doubled, or followed by others.
fn changed(program: &Program, tokens: TokenStream, depth: usize) -> TokenStream {
    let mut out = TokenStream::new();
    for token in tokens {
        if !program.more() || depth > 8 {
            out.extend([token]);
            continue;
        }
        let token = match token {
            TokenTree::Group(group) if program.below(4) > 0 => {
                let inner = changed(program, group.stream(), depth + 1);
                let delimiter = match program.once_in(32) {
                    true => {
                        program.pick(&[Delimiter::Brace, Delimiter::Parenthesis, Delimiter::None])
                    }
                    false => group.delimiter(),
                };
                TokenTree::Group(Group::new(delimiter, inner))
            }
            other => other,
        };
        match program.below(32) {
            29 => {}
            30 => out.extend([token.clone(), token]),
            31 => {
                out.extend([token]);
                out.extend(program.pick(WORDS).parse::<TokenStream>().expect("it lexes"));
            }
            _ => out.extend([token]),
        }
    }
    out
}
