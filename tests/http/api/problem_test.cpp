#include "http/api/json_text.hpp"
#include "http/api/problem.hpp"
#include "tests/documents.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>
#include <string>

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

TEST(Problem, SaysWhetherAWriteMayHaveHappened) {
  const std::set<problem_code> unknown{problem_code::internal, problem_code::write_unknown,
                                       problem_code::timed_out};
  for (int i = 0; i < codes; ++i) {
    const auto code = static_cast<problem_code>(i);
    EXPECT_EQ(outcome_of(code) == write_outcome::nobody_knows, unknown.contains(code))
        << name_of(code);
  }
}

TEST(Problem, OfWhichNobodyKnowsIsNoneThatClientsRepeatUnasked) {
  for (int i = 0; i < codes; ++i) {
    const auto code = static_cast<problem_code>(i);
    if (outcome_of(code) == write_outcome::nobody_knows) {
      EXPECT_TRUE(status_of(code) == 500 || status_of(code) == 504) << name_of(code);
    } else {
      EXPECT_NE(status_of(code), 500) << name_of(code);
      EXPECT_NE(status_of(code), 504) << name_of(code);
    }
  }
}

/// The lines of the table of problems, each as its status, when it comes, and its codes.
std::vector<std::smatch> rows_of_problems(const std::string& document) {
  static const std::regex row{R"(\n\| (\d{3}(?:, \d{3})*) \| ([^|]*) \| ([^|]*) \|(?=\n))"};
  return {std::sregex_iterator{document.begin(), document.end(), row}, {}};
}

TEST(Problem, IsInTheTableOfTheApiPageWithWhatItSaysOfAWrite) {
  const auto document = text_of_document("docs/api.md");
  for (int i = 0; i < codes; ++i) {
    const auto code = static_cast<problem_code>(i);
    const auto quoted = '`' + std::string{name_of(code)} + '`';
    const bool is_unknown = outcome_of(code) == write_outcome::nobody_knows;
    int found = 0;
    for (const auto& row : rows_of_problems(document))
      if (row[3].str().find(quoted) != std::string::npos) {
        ++found;
        EXPECT_NE(row[1].str().find(std::to_string(status_of(code))), std::string::npos) << quoted;
        EXPECT_EQ(row[2].str().find("nobody knows") != std::string::npos, is_unknown) << quoted;
      }
    EXPECT_EQ(found, 1) << quoted;
  }
}

TEST(Problem, PointersEscapeTheirOwnMarks) {
  EXPECT_EQ(pointer_to("", "add"), "/add");
  EXPECT_EQ(pointer_to("/contexts", "a/b~c"), "/contexts/a~1b~0c");
}

} // namespace
} // namespace starling::http
