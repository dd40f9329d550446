#include "http/json_text.hpp"
#include "http/problem.hpp"

#include <gtest/gtest.h>

#include <set>

namespace starling::http {
namespace {

constexpr int codes = static_cast<int>(problem_code::timed_out) + 1;

TEST(Problem, IsWrittenAsTheRfcSays) {
  const problem what{problem_code::wrong_type, "wanted is a \"string\"", "/add/0"};

  EXPECT_EQ(to_json(what),
            "{\"type\": \"urn:starling:problem:wrong-type\", "
            "\"title\": \"A value has the wrong type\", \"status\": 422, \"code\": \"wrong-type\", "
            "\"detail\": \"wanted is a \\\"string\\\"\", \"pointer\": \"/add/0\"}\n");
}

TEST(Problem, MayHaveATitleOfItsOwn) {
  EXPECT_EQ(to_json({problem_code::not_ready, "", {}, {}, "The disk is full"}),
            "{\"type\": \"urn:starling:problem:not-ready\", \"title\": \"The disk is full\", "
            "\"status\": 503, \"code\": \"not-ready\", \"detail\": \"\"}\n");
}

TEST(Problem, HasAPointerOnlyWhereSomethingInTheBodyIsToBlame) {
  EXPECT_EQ(to_json({problem_code::not_ready, "", {}}).find("pointer"), std::string::npos);
}

TEST(Problem, OfEveryCodeIsJsonWithANameOfItsOwn) {
  std::set<std::string_view> names;
  for (int i = 0; i < codes; ++i) {
    const auto code = static_cast<problem_code>(i);
    EXPECT_GE(status_of(code), 400);
    EXPECT_FALSE(check_json(to_json({code, "detail", {}})));
    EXPECT_TRUE(names.insert(name_of(code)).second) << name_of(code);
  }
}

TEST(Problem, OfARefusalSaysWhyTheCommandWasRefused) {
  const auto range = problem_of(crdt::refusal::counter_range);
  EXPECT_EQ(range.code, problem_code::counter_range);
  EXPECT_EQ(range.detail, to_string(crdt::refusal::counter_range));
  EXPECT_EQ(problem_of(crdt::refusal::exhausted).code, problem_code::exhausted);
}

TEST(Problem, PointersEscapeTheirOwnMarks) {
  EXPECT_EQ(pointer_to("", "add"), "/add");
  EXPECT_EQ(pointer_to("/contexts", "a/b~c"), "/contexts/a~1b~0c");
}

} // namespace
} // namespace starling::http
