#include "http/api/conditions.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using testing::HasSubstr;

void expect_refused(const field& one, problem_code code) {
  const auto result = refuse_conditions("POST", {{"Host", "h"}, one});
  ASSERT_TRUE(result) << one.name;
  EXPECT_EQ(name_of(result->code), name_of(code)) << one.name;
}

TEST(Conditions, OfAnyKindAreRefusedWith412) {
  for (const auto* name : {"If-Match", "if-none-match", "IF-UNMODIFIED-SINCE", "If-Modified-Since",
                           "If", "If-Schedule-Tag-Match", "If-Unmodified-Since-Version",
                           "X-If-Match", "If-Something-That-Nobody-Knows"})
    for (const auto* value : {"*", "\"a\"", "W/\"a\", \"b\"", "Thu, 01 Jan 1970 00:00:00 GMT", ""})
      expect_refused({name, value}, problem_code::unsupported_condition);
  EXPECT_EQ(status_of(problem_code::unsupported_condition), 412);
}

TEST(Conditions, IncludeAPromiseToCountARepeatedWriteOnce) {
  for (const auto* name :
       {"Idempotency-Key", "idempotency-key", "X-Idempotency-Key", "Repeatability-Request-ID"})
    expect_refused({name, "\"8e03978e\""}, problem_code::unsupported_header);
  EXPECT_EQ(status_of(problem_code::unsupported_header), 400);
}

TEST(Conditions, IncludeARangeOfTheBody) {
  expect_refused({"Content-Range", "bytes 0-9/20"}, problem_code::unsupported_header);
  EXPECT_EQ(status_of(problem_code::unsupported_header), 400) << "RFC 9110, 14.5";
}

TEST(Conditions, IncludeAnotherMethodThanThatOfTheFirstLine) {
  for (const auto* name : {"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"}) {
    expect_refused({name, "DELETE"}, problem_code::unsupported_header);
    EXPECT_FALSE(refuse_conditions("POST", {{name, " post "}})) << name;
  }
}

TEST(Conditions, AreSaidByTheNameThatWasGiven) {
  EXPECT_THAT(refuse_conditions("PUT", {{"If-none-Match", "*"}})->detail,
              HasSubstr("leave If-none-Match out"));
}

TEST(Conditions, AreNoFieldsThatLeaveAWriteAsItIs) {
  for (const auto* name :
       {"Host", "If-Range", "Prefer", "Accept", "Range", "Content-Type", "Expect", "Iffy",
        "User-Agent", "X-Request-Id", "Content-Length", "Content-MD5", "Traceparent"})
    EXPECT_FALSE(refuse_conditions("POST", {{name, "x"}})) << name;
}

} // namespace
} // namespace starling::http
