//! What the macro says about what cannot be a request, word for word.

#[test]
fn mistakes_are_reported_where_they_stand_with_a_way_out() {
    trybuild::TestCases::new().compile_fail("tests/fail/*.rs");
}
