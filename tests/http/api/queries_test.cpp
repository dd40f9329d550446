#include "http/api/queries.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using crdt::type;
using testing::HasSubstr;

crdt::query read(std::string_view query, type of = type::set) {
  return std::get<value_query>(query_of(of, "/sets/a" + std::string{query})).what;
}

crdt::key_query list(std::string_view query) {
  return std::get<crdt::key_query>(key_query_of("/keys" + std::string{query}));
}

/// Why a query is refused; empty if it is not.
template <class Outcome>
std::string refusal_of(const Outcome& outcome) {
  const auto* what = std::get_if<problem>(&outcome);
  if (!what)
    return "";
  EXPECT_EQ(name_of(what->code), "bad-query");
  return what->detail;
}

std::string set_refusal(std::string_view query) {
  return refusal_of(query_of(type::set, "/sets/a" + std::string{query}));
}

std::string keys_refusal(std::string_view query) {
  return refusal_of(key_query_of("/keys" + std::string{query}));
}

TEST(Queries, AskForTheWholeValueWithoutParameters) {
  for (const auto t : {type::counter, type::register_, type::set}) {
    EXPECT_EQ(read("", t), crdt::query{crdt::whole_value{}});
    EXPECT_EQ(read("?", t), crdt::query{crdt::whole_value{}});
  }
}

TEST(Queries, AskForAPageWithEitherParameter) {
  EXPECT_EQ(read("?limit=1"), crdt::query{(crdt::member_page{std::nullopt, 1})});
  EXPECT_EQ(read("?limit=10000"), crdt::query{(crdt::member_page{std::nullopt, 10'000})});
  EXPECT_EQ(read("?after=b"), crdt::query{(crdt::member_page{"b", 1000})});
  EXPECT_EQ(read("?after=&limit=2"), crdt::query{(crdt::member_page{"", 2})});
}

TEST(Queries, KnowNoPagesButThoseOfSets) {
  for (const auto t : {type::counter, type::register_})
    EXPECT_EQ(refusal_of(query_of(t, "/counters/a?limit=1")),
              t == type::counter ? "there is no parameter 'limit' here, only number"
                                 : "there is no parameter 'limit' here, nor any other");
}

style shown(type of, std::string_view query) {
  return std::get<style>(style_of(of, "/a/b" + std::string{query}));
}

TEST(Queries, LeaveContextsOutOfSets) {
  const auto whole = std::get<value_query>(query_of(type::set, "/sets/a?contexts=false"));
  EXPECT_EQ(whole, (value_query{crdt::whole_value{}, {.contexts = false}}));
  const auto page = std::get<value_query>(query_of(type::set, "/sets/a?contexts=false&limit=2"));
  EXPECT_EQ(page, (value_query{crdt::member_page{std::nullopt, 2}, {.contexts = false}}));
  EXPECT_FALSE(shown(type::set, "?contexts=false").contexts);
  EXPECT_TRUE(shown(type::set, "?contexts=true").contexts);
  EXPECT_TRUE(shown(type::set, "").contexts);
  for (const auto* bad : {"", "no", "0", "False", "false "})
    EXPECT_EQ(refusal_of(style_of(type::set, "/sets/a?contexts=" + std::string{bad})),
              "'contexts' is true or false");
}

TEST(Queries, ShowTheNumberOfACounterAsAString) {
  const auto read = std::get<value_query>(query_of(type::counter, "/counters/a?number=string"));
  EXPECT_EQ(read, (value_query{crdt::whole_value{}, {.numbers_as_text = true}}));
  EXPECT_TRUE(shown(type::counter, "?number=string").numbers_as_text);
  EXPECT_FALSE(shown(type::counter, "?number=number").numbers_as_text);
  EXPECT_EQ(refusal_of(query_of(type::counter, "/counters/a?number=text")),
            "'number' is string or number");
}

TEST(Queries, KnowNoStyleThatChangesNothing) {
  EXPECT_NE(refusal_of(style_of(type::counter, "/counters/a?contexts=false")), "");
  EXPECT_NE(refusal_of(style_of(type::register_, "/registers/a?contexts=false")), "");
  EXPECT_NE(refusal_of(style_of(type::register_, "/registers/a?number=string")), "");
  EXPECT_NE(refusal_of(style_of(type::set, "/sets/a?number=string")), "");
  EXPECT_NE(refusal_of(style_of(type::set, "/sets/a?limit=1")), "");
}

TEST(Queries, RefuseLimitsOutOfRange) {
  for (const auto* limit : {"", "0", "10001", "-1", "+1", "1.0", "0x1", "1e3", " 1", "1 ", "ten",
                            "99999999999999999999999"}) {
    const auto query = "?limit=" + std::string{limit};
    EXPECT_EQ(set_refusal(query), "'limit' is a number from 1 to 10000") << limit;
    EXPECT_EQ(keys_refusal(query), "'limit' is a number from 1 to 10000") << limit;
  }
}

TEST(Queries, RefuseWhatIsUnknownRepeatedOrMalformed) {
  EXPECT_EQ(set_refusal("?limit=1&size=2"),
            "there is no parameter 'size' here, only limit, after, contexts");
  EXPECT_EQ(set_refusal("?Limit=1"),
            "there is no parameter 'Limit' here, only limit, after, contexts");
  EXPECT_EQ(set_refusal("?limit=1&limit=1"), "'limit' may be given once");
  EXPECT_EQ(keys_refusal("?type=set&typ%65=counter"), "'type' may be given once");
  for (const auto* query : {"?limit", "?limit=1&x", "?after=%", "?after=%ff"}) {
    EXPECT_THAT(set_refusal(query), HasSubstr("NAME=VALUE")) << query;
    EXPECT_THAT(keys_refusal(query), HasSubstr("NAME=VALUE")) << query;
  }
}

TEST(Queries, AreRefusedWhereThereAreNoParameters) {
  EXPECT_FALSE(refuse_parameters("/cluster"));
  EXPECT_FALSE(refuse_parameters("/cluster?"));
  ASSERT_TRUE(refuse_parameters("/cluster?a=b"));
  EXPECT_EQ(refuse_parameters("/cluster?a=b")->detail,
            "there is no parameter 'a' here, nor any other");
}

TEST(Queries, ListAllKeysWithoutParameters) {
  EXPECT_EQ(list(""), (crdt::key_query{.limit = 1000}));
}

TEST(Queries, ListKeysByTypePrefixAndPosition) {
  EXPECT_EQ(list("?type=register&prefix=a%2Fb&limit=7&after=counter/x%26y"),
            (crdt::key_query{.type = type::register_,
                             .prefix = "a/b",
                             .after = crdt::key{type::counter, "x&y"},
                             .limit = 7}));
}

TEST(Queries, TakeTheCursorOfAKeyBack) {
  for (const auto& key : {crdt::key{type::counter, "a"}, crdt::key{type::register_, "a/b/"},
                          crdt::key{type::set, ""}})
    EXPECT_EQ(list("?after=" + cursor_of(key)).after, key);
}

TEST(Queries, RefuseTypesAndCursorsThatAreNone) {
  for (const auto* t : {"", "counters", "Set", "unknown"})
    EXPECT_THAT(keys_refusal("?type=" + std::string{t}), HasSubstr("'type' is counter, register"));
  for (const auto* cursor : {"", "a", "set", "sets/a", "/a", "Set/a"})
    EXPECT_THAT(keys_refusal("?after=" + std::string{cursor}), HasSubstr("TYPE/KEY")) << cursor;
}

} // namespace
} // namespace starling::http
