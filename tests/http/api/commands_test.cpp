#include "http/api/commands.hpp"
#include "http/api/context_token.hpp"
#include "http/api/json_text.hpp"
#include "http/api/set_api.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using crdt::payload_kind;
using crdt::type;
using testing::ElementsAre;

const wire::secret secret{"test", "s3cret"};
const crdt::key counter{type::counter, "visitors"};
const crdt::key register_{type::register_, "config"};
const crdt::key fruits{type::set, "fruits"};
const crdt::version_vector observed{{crdt::replica_id::from(1, 1), 7}};

crdt::payload text(std::string x) {
  return {payload_kind::text, std::move(x)};
}

std::string token_for(const std::string& member, const crdt::key& key = fruits) {
  return encode_context(secret, key, text(member), observed);
}

/// The command of a body, or a failed test.
template <class Command>
Command command(const crdt::key& key, std::string_view body) {
  const auto result = command_of(key, body, secret);
  if (const auto* found = std::get_if<problem>(&result)) {
    ADD_FAILURE() << body << ": " << to_json(*found);
    return {};
  }
  return std::get<Command>(std::get<crdt::command>(result));
}

void expect_problem(const crdt::key& key, std::string_view body, problem_code code, int status,
                    std::optional<std::string> pointer = {}) {
  const auto result = command_of(key, body, secret);
  const auto* found = std::get_if<problem>(&result);
  ASSERT_TRUE(found) << body << " gives a command";
  EXPECT_EQ(name_of(found->code), name_of(code)) << body;
  EXPECT_EQ(status_of(found->code), status) << body;
  EXPECT_EQ(found->pointer, pointer) << body;
}

std::vector<std::string> names(const std::vector<crdt::member_change>& changes) {
  std::vector<std::string> result;
  for (const auto& x : changes) {
    EXPECT_EQ(x.member.kind, payload_kind::text);
    result.push_back(x.member.data);
  }
  return result;
}

// -- every body --

TEST(Body, ThatIsEmptyIsRefused) {
  for (const auto& key : {counter, register_, fruits})
    for (const auto* body : {"", " \r\n"})
      expect_problem(key, body, problem_code::empty_body, 400);
}

TEST(Body, ThatIsNotJsonIsRefused) {
  for (const auto& key : {counter, register_, fruits})
    for (const auto* body : {"{", "increment=5", "{\"increment\": 5}}", "{\"value\": 05}",
                             "{\"value\": \"\xff\"}", "{'add': []}", "{\"value\": NaN}"})
      expect_problem(key, body, problem_code::malformed_json, 400);
}

TEST(Body, ThatIsAFormOrElseNoObjectIsAnsweredWithWhatOneLooksLike) {
  for (const auto& [key, wanted] : {std::pair{counter, R"({"increment": 5})"},
                                    {register_, R"({"value": "dark-mode"})"},
                                    {fruits, R"({"add": ["apple"]})"}}) {
    for (const auto* body : {"increment=5", "value=dark-mode&x=1", "", "[]", "%7B%7D"}) {
      const auto result = command_of(key, body, secret);
      EXPECT_THAT(std::get<problem>(result).detail, testing::HasSubstr(wanted)) << body;
    }
    EXPECT_TRUE(std::holds_alternative<crdt::command>(command_of(key, wanted, secret))) << wanted;
  }
}

TEST(Body, ThatIsNoObjectIsRefused) {
  for (const auto& key : {counter, register_, fruits})
    for (const auto* body : {"5", "\"increment\"", "null", "[]", "[{\"increment\": 5}]"})
      expect_problem(key, body, problem_code::not_an_object, 400);
}

TEST(Body, WithAnUnknownMemberIsRefused) {
  expect_problem(counter, R"({"increment": 5, "by": "me"})", problem_code::unknown_member, 422,
                 "/by");
  expect_problem(counter, R"({"Increment": 5})", problem_code::unknown_member, 422, "/Increment");
  expect_problem(register_, R"({"value": 5, "a/b": 1})", problem_code::unknown_member, 422,
                 "/a~1b");
  expect_problem(fruits, R"({"add": [], "context": "x"})", problem_code::unknown_member, 422,
                 "/context");
}

TEST(Body, WithADuplicateMemberIsRefused) {
  expect_problem(counter, R"({"increment": 5, "increment": 5})", problem_code::duplicate_member,
                 422, "/increment");
  expect_problem(register_, R"({"value": 5, "v\u0061lue": 6})", problem_code::duplicate_member, 422,
                 "/value");
  expect_problem(fruits, R"({"add": ["a"], "add": ["b"]})", problem_code::duplicate_member, 422,
                 "/add");
}

// -- counters --

TEST(CounterBody, AddsOrTakesAway) {
  EXPECT_EQ(command<crdt::counter_add>(counter, R"({"increment": 5})").amount, 5);
  EXPECT_EQ(command<crdt::counter_add>(counter, R"({"decrement": 2})").amount, -2);
  EXPECT_EQ(command<crdt::counter_add>(counter, " {\"\\u0069ncrement\"\n:\t1 } ").amount, 1);
}

TEST(CounterBody, ReachesTheEndsOfTheRange) {
  EXPECT_EQ(command<crdt::counter_add>(counter, R"({"increment": 9223372036854775807})").amount,
            INT64_MAX);
  EXPECT_EQ(command<crdt::counter_add>(counter, R"({"decrement": 9223372036854775807})").amount,
            -INT64_MAX);
}

TEST(CounterBody, NeedsExactlyOneOfIncrementAndDecrement) {
  expect_problem(counter, "{}", problem_code::missing_member, 422);
  expect_problem(counter, R"({"increment": 1, "decrement": 1})", problem_code::conflicting_members,
                 422);
}

TEST(CounterBody, NeedsAnIntegerLiteral) {
  for (const auto* amount :
       {"5.0",      "1e3",      "1E0",     "-0.0",      "null",         "true",
        "[5]",      "{}",       "1e-400",  "1e400",     "1e2147483648", "\"\"",
        "\"05\"",   "\"+5\"",   "\" 5\"",  "\"5 \"",    "\"5.0\"",      "\"1e3\"",
        "\"0x10\"", "\"five\"", "\"--5\"", "\"1_000\"", "\"\\u0000\"",  "\"5\\u0000\""}) {
    const auto a = std::string{amount};
    expect_problem(counter, R"({"increment": )" + a + "}", problem_code::wrong_type, 422,
                   "/increment");
    expect_problem(counter, R"({"decrement": )" + a + "}", problem_code::wrong_type, 422,
                   "/decrement");
  }
}

TEST(CounterBody, TakesAnIntegerAsAString) {
  const auto amount = [](const std::string& text) {
    return command<crdt::counter_add>(counter, R"({"decrement": )" + text + "}").amount;
  };
  EXPECT_EQ(amount(R"("1")"), -1);
  EXPECT_EQ(amount(R"("9007199254740993")"), -9007199254740993);
  EXPECT_EQ(amount(R"("9223372036854775807")"), -INT64_MAX);
  EXPECT_EQ(amount(R"("\u0035")"), -5);
}

TEST(CounterBody, NeedsAnAmountFromOneToTheLargest64BitNumber) {
  for (const auto* amount :
       {"0", "-0", "-1", "-9223372036854775808", "9223372036854775808", "18446744073709551616",
        "12345678901234567890123", "\"0\"", "\"-1\"", "\"9223372036854775808\""})
    expect_problem(counter, R"({"increment": )" + std::string{amount} + "}",
                   problem_code::out_of_range, 422, "/increment");
}

// -- registers --

TEST(RegisterBody, KeepsItsValueToTheLetter) {
  for (const std::string value :
       {"0.1", "0.30000000000000004", "3.141592653589793238462643383279", "1e400",
        "12345678901234567890123", "-0", "1.0E+02", "1e2147483648", "[0e-99999999999,1]", "null",
        "true", "\"dark-mode\"", "\"\"", R"("\u0000")", R"("\u00e9\/\ud83d\ude00")",
        "\"\xf0\x9f\x98\x80\"", "[]", R"({"a":1,"a":2})"}) {
    const auto what = command<crdt::register_assign>(register_, R"({"value": )" + value + "}").what;
    EXPECT_EQ(what.data, value);
    EXPECT_EQ(what.kind, payload_kind::json);
  }
}

TEST(RegisterBody, DropsWhiteSpaceOutsideOfStrings) {
  const auto body = "{ \"value\" :\n { \"a b\" : [ 1 , \" \\\" \" ] } }\n";
  EXPECT_EQ(command<crdt::register_assign>(register_, body).what.data, "{\"a b\":[1,\" \\\" \"]}");
}

TEST(RegisterBody, NestsUpToTheLimit) {
  const auto body = [](std::size_t depth) {
    return R"({"value": )" + std::string(depth, '[') + std::string(depth, ']') + "}";
  };
  EXPECT_EQ(command<crdt::register_assign>(register_, body(31)).what.data.size(), 62U);
  expect_problem(register_, body(32), problem_code::malformed_json, 400);
}

TEST(RegisterBody, NeedsAValue) {
  expect_problem(register_, "{}", problem_code::missing_member, 422);
}

// -- sets --

TEST(SetBody, AddsAndRemovesInAscendingOrder) {
  const auto change =
      command<crdt::set_change>(fruits, R"({"remove": ["fig"], "add": ["pear", "apple"]})");

  EXPECT_THAT(names(change.add), ElementsAre("apple", "pear"));
  EXPECT_THAT(names(change.remove), ElementsAre("fig"));
  EXPECT_FALSE(change.add[0].observed);
  EXPECT_FALSE(change.remove[0].observed);
}

TEST(SetBody, TakesARepeatedElementOnce) {
  const auto change =
      command<crdt::set_change>(fruits, R"({"add": ["a", "b", "a", "\u0061"], "remove": []})");
  EXPECT_THAT(names(change.add), ElementsAre("a", "b"));
}

TEST(SetBody, TakesAnyTextAsAnElement) {
  const auto change =
      command<crdt::set_change>(fruits, R"({"add": ["", "\u0000", "\ud83d\ude00", "a/b\"c"]})");
  EXPECT_THAT(names(change.add),
              ElementsAre("", std::string("\0", 1), "a/b\"c", "\xf0\x9f\x98\x80"));
}

TEST(SetBody, OpensTheContextOfEachElement) {
  const auto change = command<crdt::set_change>(
      fruits, R"({"add": ["apple"], "remove": ["a\"b", "fig"], "contexts": {"apple": ")" +
                  token_for("apple") + R"(", "a\u0022b": ")" + token_for("a\"b") + R"("}})");

  EXPECT_EQ(change.add.at(0).observed, observed);
  EXPECT_EQ(change.remove.at(0).observed, observed);
  EXPECT_EQ(change.remove.at(1).observed, std::nullopt);
}

TEST(SetBody, TakesATokenWithEscapesOfJson) {
  std::string escaped;
  for (const char c : token_for("apple"))
    escaped += c == '/' ? std::string{"\\/"} : std::string{c};
  const auto change = command<crdt::set_change>(
      fruits, R"({"remove": ["apple"], "contexts": {"apple": ")" + escaped + R"("}})");
  EXPECT_EQ(change.remove.at(0).observed, observed);
}

TEST(SetBody, NeedsAddOrRemove) {
  expect_problem(fruits, "{}", problem_code::missing_member, 422);
  expect_problem(fruits, R"({"contexts": {}})", problem_code::missing_member, 422);
}

TEST(SetBody, NeedsArraysOfStrings) {
  for (const auto* list : {"\"apple\"", "{}", "null", "5"})
    expect_problem(fruits, R"({"add": )" + std::string{list} + "}", problem_code::wrong_type, 422,
                   "/add");
  for (const auto* element : {"5", "null", "[\"b\"]", "{}", "true"})
    expect_problem(fruits, R"({"add": ["a"], "remove": ["b", )" + std::string{element} + "]}",
                   problem_code::wrong_type, 422, "/remove/1");
}

TEST(SetBody, RefusesAnElementThatIsBothAddedAndRemoved) {
  expect_problem(fruits, R"({"add": ["a", "b"], "remove": ["c", "\u0062"]})",
                 problem_code::added_and_removed, 422, "/remove");
}

TEST(SetBody, RefusesAnElementBeyondTheLimit) {
  const auto body = [](std::size_t size) {
    return R"({"add": [")" + std::string(size, 'x') + "\"]}";
  };
  EXPECT_EQ(command<crdt::set_change>(fruits, body(element_bytes_max)).add.size(), 1U);
  expect_problem(fruits, body(element_bytes_max + 1), problem_code::element_too_large, 422,
                 "/add/0");
}

TEST(SetBody, MeasuresAnElementOnceDecoded) {
  std::string element;
  for (std::size_t i = 0; i < element_bytes_max; ++i)
    element += "\\u0061";
  EXPECT_EQ(command<crdt::set_change>(fruits, R"({"add": [")" + element + "\"]}").add.size(), 1U);
}

TEST(SetBody, RefusesAContextThatIsNotForThisKeyAndElement) {
  const std::string bad[] = {
      token_for("pear"),
      token_for("apple", {type::set, "vegetables"}),
      token_for("apple", {type::register_, "fruits"}),
      encode_context({"test", "other"}, fruits, text("apple"), observed),
      token_for("apple") + "=",
      "apple",
      "",
  };
  for (const auto& token : bad)
    expect_problem(fruits, R"({"remove": ["apple"], "contexts": {"apple": )" + quote(token) + "}}",
                   problem_code::invalid_context, 422, "/contexts/apple");
}

TEST(SetBody, RefusesContextsOfTheWrongType) {
  for (const auto* contexts : {"[]", "\"x\"", "null", "5"})
    expect_problem(fruits, R"({"add": ["a"], "contexts": )" + std::string{contexts} + "}",
                   problem_code::wrong_type, 422, "/contexts");
  for (const auto* one : {"5", "null", "[]", "{}"}) {
    expect_problem(fruits,
                   R"({"add": ["a"], "contexts": {"x": "", "a": )" + std::string{one} + "}}",
                   problem_code::wrong_type, 422, "/contexts/a");
    expect_problem(fruits, R"({"remove": ["b/c"], "contexts": {"b/c": )" + std::string{one} + "}}",
                   problem_code::wrong_type, 422, "/contexts/b~1c");
  }
}

TEST(SetBody, DoesNotLookAtContextsOfOtherElements) {
  for (const auto* others :
       {R"("b": 5)", R"("b": null, "b": {"c": [1]})", R"("b": "", "c": "x")"}) {
    const auto change =
        command<crdt::set_change>(fruits, R"({"add": ["a"], "contexts": {)" + std::string{others} +
                                              R"(, "a": )" + quote(token_for("a")) + "}}");
    EXPECT_EQ(change.add.at(0).observed, observed) << others;
  }
  expect_problem(fruits, R"({"add": ["a"], "contexts": {"b": tru}})", problem_code::malformed_json,
                 400);
}

TEST(SetBody, RefusesTwoContextsForOneElement) {
  const auto token = quote(token_for("a"));
  expect_problem(fruits,
                 R"({"add": ["a"], "contexts": {"a": )" + token + R"(, "\u0061": )" + token + "}}",
                 problem_code::duplicate_member, 422, "/contexts/a");
}

TEST(SetBody, TakesAllContextsThatAReadShowed) {
  const auto contexts = R"("contexts": {"a": )" + quote(token_for("a")) + R"(, "b/c": )" +
                        quote(token_for("b/c")) + R"(, "d": "of another key or element"})";

  const auto change =
      command<crdt::set_change>(fruits, R"({"add": ["b/c"], "remove": ["e"], )" + contexts + "}");

  EXPECT_EQ(change.add.at(0).observed, observed);
  EXPECT_EQ(change.remove.at(0).observed, std::nullopt);
  expect_problem(fruits, R"({"add": ["d"], )" + contexts + "}", problem_code::invalid_context, 422,
                 "/contexts/d");
}

} // namespace
} // namespace starling::http
