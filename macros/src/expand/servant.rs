//! The servant's side: `impl Active`.

use super::checks::size_statement;
use crate::keys::Occasion;
use crate::model::{Hook, HookArgument, Request, Servant};
use crate::names::free;
use proc_macro2::{Ident, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;

/// The implementation that runs a request's method.
pub fn expand(servant: &Servant) -> TokenStream {
    let Servant { library, ty, where_clause, allow, kind, .. } = servant;
    let (declared, request) = (servant.declared(quote!(), quote!()), servant.request_type());
    let (proxy, arguments) = (servant.proxy_name(), servant.applied(quote!(), quote!(#kind)));
    let name = servant.name.unraw().to_string();
    let constants = constants(servant);
    let (method, dispatch) = (method(servant), dispatch(servant));
    let try_dispatch = try_dispatch(servant);
    let hooks = servant.hooks.iter().map(|hook| self::hook(hook, servant));
    quote! {
        #allow
        #[allow(deprecated, clippy::enum_variant_names)]
        #[automatically_derived]
        impl #declared #library::Active for #ty #where_clause {
            type Request = #request;
            type Proxy<#kind: #library::mailbox::Kind> = #proxy #arguments;
            const NAME: &'static str = #name;
            #constants
            #method
            #dispatch
            #try_dispatch
            #(#hooks)*
        }
    }
}

fn constants(servant: &Servant) -> TokenStream {
    let library = &servant.library;
    let methods = servant.requests.iter().map(|request| method_entry(request, servant));
    let replying = servant.requests.iter().filter(|request| !request.is_oneway);
    let sizes =
        replying.map(|Request { cfg, result, .. }| quote!(#cfg #library::reply_bytes::<#result>()));
    quote! {
        const METHODS: &'static [#library::Method] = &[#(#methods),*];
        const REPLY_BYTES: usize = #library::reply_bytes_max(&[#(#sizes),*]);
    }
}

fn method_entry(request: &Request, servant: &Servant) -> TokenStream {
    let (library, cfg) = (&servant.library, &request.cfg);
    let name = request.name.unraw().to_string();
    let arguments = request.argument_names().map(|name| name.unraw().to_string());
    if request.is_oneway {
        quote!(#cfg #library::Method::oneway(#name, &[#(#arguments),*]))
    } else {
        quote!(#cfg #library::Method::new(#name, &[#(#arguments),*]))
    }
}

fn method(servant: &Servant) -> TokenStream {
    let (request, never) = (servant.request_name(), never(servant));
    let variants =
        servant.requests.iter().map(|Request { cfg, variant, .. }| quote!(#cfg #variant));
    let arms = servant.requests.iter().map(|Request { cfg, variant, .. }| {
        quote!(#cfg #request::#variant { .. } => Index::#variant as usize)
    });
    // The compiler counts, because it alone knows which methods this build has.
    quote! {
        #[inline]
        fn method(request: &Self::Request) -> usize {
            enum Index { #(#variants),* }
            match *request {
                #(#arms,)*
                #never
            }
        }
    }
}

fn dispatch(servant: &Servant) -> TokenStream {
    let (library, never, context) = (&servant.library, never(servant), context(servant));
    let arms = servant.requests.iter().map(|request| dispatch_arm(request, servant, &context));
    quote! {
        #[inline]
        fn dispatch(
            &mut self,
            request: Self::Request,
            #context: &mut #library::Context<'_, Self>,
        ) {
            match request {
                #(#arms)*
                #never
            }
        }
    }
}

fn dispatch_arm(request: &Request, servant: &Servant, context: &Ident) -> TokenStream {
    let Request { cfg, variant, method, boxed, reply, .. } = request;
    let (name, bundle) = (servant.request_name(), request.bundle());
    let (names, arguments) = (request.argument_names(), request.call_arguments(context));
    let (fields, unpack) = if request.is_boxed {
        (quote!(#boxed,), quote!(let #bundle = *#boxed;))
    } else {
        (quote!(#(#names,)*), quote!())
    };
    let size = size_statement(request, servant);
    // An inherent method always wins over a trait's method here.
    let call = quote!(Self::#method(self, #(#arguments),*));
    if request.is_oneway {
        quote!(#cfg #name::#variant { #fields } => { #size #unpack #call; })
    } else {
        let serve = match request.context_place {
            _ if request.is_later => quote!(#reply.serve_later(#context, |#context| #call)),
            None => quote!(#reply.serve_by(#context, || #call)),
            Some(_) => quote!(#reply.serve_in(#context, |#context| #call)),
        };
        quote!(#cfg #name::#variant { #fields #reply } => { #size #unpack #serve })
    }
}

/// The dispatch that asks guards, if there are any.
fn try_dispatch(servant: &Servant) -> Option<TokenStream> {
    let (library, context) = (&servant.library, context(servant));
    let guarded = || servant.requests.iter().filter(|request| request.guard.is_some());
    let arms = guarded().map(|request| guarded_arm(request, servant, &context));
    let has_guards = guarded().next().is_some();
    has_guards.then(|| {
        quote! {
            const HAS_GUARDS: bool = true;

            fn try_dispatch(
                &mut self,
                request: Self::Request,
                #context: &mut #library::Context<'_, Self>,
            ) -> ::core::result::Result<
                (),
                (Self::Request, ::core::option::Option<::std::time::Instant>),
            > {
                match request {
                    #(#arms)*
                    #[allow(unreachable_patterns)]
                    other => #library::Active::dispatch(self, other, #context),
                }
                ::core::result::Result::Ok(())
            }
        }
    })
}

fn guarded_arm(request: &Request, servant: &Servant, context: &Ident) -> TokenStream {
    let Request { cfg, variant, guard, boxed, reply, .. } = request;
    let (library, name, bundle) = (&servant.library, servant.request_name(), request.bundle());
    let (names, borrowed) = (request.argument_names(), request.argument_names());
    let (fields, unpack, borrowed) = if request.is_boxed {
        (quote!(#boxed,), quote!(let #bundle = &*#boxed;), quote!(#(#borrowed),*))
    } else {
        (quote!(#(#names,)*), quote!(), quote!(#(&#borrowed),*))
    };
    let ask = quote!(#library::ask_guard(|| { #unpack Self::#guard(&*self, #borrowed) }));
    let (field, ask, deadline, unwind) = if request.is_oneway {
        let unwind = quote!(::std::panic::resume_unwind(payload));
        (quote!(), ask, quote!(::core::option::Option::None), unwind)
    } else {
        let over = quote!(#reply.is_over(#context));
        let ask = quote!(if #over { #library::Guarded::Holds } else { #ask });
        let unwind = quote!(#reply.serve_by(#context, || ::std::panic::resume_unwind(payload)));
        (quote!(#reply), ask, quote!(#reply.deadline()), unwind)
    };
    let rebuilt = quote!(#name::#variant { #fields #field });
    quote! {
        #cfg
        #name::#variant { #fields #field } => match #ask {
            #library::Guarded::Holds => #library::Active::dispatch(self, #rebuilt, #context),
            #library::Guarded::Waits => {
                let deadline = #deadline;
                return ::core::result::Result::Err((#rebuilt, deadline));
            }
            #library::Guarded::Panicked(payload) => #unwind,
        },
    }
}

fn hook(hook: &Hook, servant: &Servant) -> TokenStream {
    let (library, Hook { cfg, method, .. }) = (&servant.library, hook);
    let arguments = hook.arguments.iter().map(|argument| match argument {
        HookArgument::Context => quote!(context),
        HookArgument::Batch => quote!(batch),
    });
    let call = quote!(let _ = &context; Self::#method(self, #(#arguments),*););
    let context = quote!(context: &mut #library::Context<'_, Self>);
    match hook.occasion {
        Occasion::Start => quote!(#cfg fn started(&mut self, #context) { #call }),
        Occasion::Stop => quote!(#cfg fn stopping(&mut self, #context) { #call }),
        Occasion::BatchEnd => quote! {
            #cfg
            const WANTS_BATCH_END: bool = true;
            #cfg
            fn batch_ended(&mut self, batch: #library::Batch, #context) { let _ = batch; #call }
        },
    }
}

/// A name for the context that no argument has; an underscore before it where no method takes one.
fn context(servant: &Servant) -> Ident {
    let requests = || servant.requests.iter();
    let names = requests().flat_map(Request::argument_names).map(|name| name.unraw().to_string());
    let is_used = requests().any(|request| {
        !request.is_oneway || request.context_place.is_some() || request.guard.is_some()
    });
    let name = if is_used { "context" } else { "_context" };
    format_ident!("{}", free(name, &names.collect()))
}

/// The arm for the variant that cannot exist.
fn never(servant: &Servant) -> Option<TokenStream> {
    let request = servant.request_name();
    let arm = quote!(#request::__Unused(never, _) => match never {},);
    (!servant.type_names.is_empty()).then_some(arm)
}
