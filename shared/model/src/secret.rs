//! Texts that open something. They reach their owner, and nobody's log.

/// Declares a secret: a text that shows itself only through `expose`, for the answer to whom it belongs.
#[macro_export]
macro_rules! secret {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq)]
        pub struct $name(String);

        impl $name {
            /// Wraps the text.
            pub fn new(text: String) -> Self {
                Self(text)
            }

            /// The text itself, for the answer to the user it belongs to.
            pub fn expose(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Debug for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!(stringify!($name), "(redacted)"))
            }
        }
    };
}
