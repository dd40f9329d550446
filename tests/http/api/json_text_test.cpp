#include "http/api/json_text.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::string nested(std::size_t depth) {
  return std::string(depth, '[') + std::string(depth, ']');
}

TEST(CheckJson, AcceptsEveryKindOfValue) {
  for (const auto* text :
       {"null", "true", "false", "0", "-0", "0.1", "1e400", "-1E-400", "12345678901234567890123",
        "\"\"", R"("\u0000")", R"("\ud83d\ude00")", R"("\"\\\/\b\f\n\r\t")",
        "\"gr\xc3\xbc\xc3\x9f\"", "[]", "{}", " \t\r\n[1, {\"a\": [null]}]\n"})
    EXPECT_FALSE(check_json(text)) << text;
}

TEST(CheckJson, RefusesWhatIsNotJson) {
  for (const auto* text : {"",           " ",    "nul",   "TRUE",    "05",       "+5",
                           ".5",         "5.",   "0x10",  "1e",      "NaN",      "Infinity",
                           "-",          "'a'",  "\"a",   "\"\t\"",  R"("\x")",  R"("\u12")",
                           "[1,]",       "[,1]", "[1 2]", "{\"a\"}", "{\"a\":}", "{a:1}",
                           "{\"a\":1,}", "[1}",  "[",     "// c\n1", "/* c */1", "\xef\xbb\xbf{}"})
    EXPECT_TRUE(check_json(text)) << text;
}

TEST(CheckJson, RefusesAnythingBehindTheValue) {
  for (const std::string_view text : {"{}{}", "1 2", "{} x", "{},"})
    EXPECT_TRUE(check_json(text)) << text;
  EXPECT_TRUE(check_json(std::string_view("{}\0", 3)));
}

TEST(CheckJson, RefusesBytesThatAreNotUtf8) {
  for (const auto* text :
       {"\"\xff\"", "\"\xc3\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
        R"("\ud800")", R"("\ud800\u0041")", R"("\udc00")", "\xff"})
    EXPECT_TRUE(check_json(text)) << text;
}

TEST(CheckJson, AcceptsExponentsOfAnySize) {
  const std::string nines(1000, '9');
  for (const std::string& text :
       {std::string{"1e2147483647"}, std::string{"1e2147483648"}, std::string{"-1E+2147483648"},
        std::string{"0e2147483648"}, std::string{"1.5e-2147483649"}, "0.1e" + nines, "1e-" + nines,
        R"({"a1e5\\": [1e)" + nines + R"(, "\"1e99999999999", 2E)" + nines + "]}"})
    EXPECT_FALSE(check_json(text)) << text;
}

TEST(CheckJson, StillRefusesWhatIsNotJsonBesideALargeExponent) {
  for (const auto* text :
       {"1e2147483648.0", "1e2147483648e1", "1e21474836480x", "[1e2147483648", "1e+-2147483648",
        "[1e2147483648, 1e]", "[1e2147483648, 01]", "[1e2147483648, \"\xff\"]", "01e2147483648",
        "[1e2147483648, e2147483648]", "[1e2147483648, \"1e5]"})
    EXPECT_TRUE(check_json(text)) << text;
  EXPECT_EQ(check_json(R"([1e2147483648, x])")->position, 15U);
}

TEST(CheckJson, AllowsADepthOf32) {
  EXPECT_FALSE(check_json(nested(json_depth_max)));
  EXPECT_TRUE(check_json(nested(json_depth_max + 1)));
  EXPECT_TRUE(check_json(std::string(1'000'000, '[')));
}

TEST(CheckJson, SaysWhereTheErrorIs) {
  const auto error = check_json(R"({"a": x})");

  ASSERT_TRUE(error);
  EXPECT_EQ(error->position, 6U);
  EXPECT_FALSE(error->what.empty());
}

TEST(MembersOf, AreInTheOrderOfTheTextWithTheirRawValues) {
  const auto members =
      *members_of(" { \"b\" : 1.50 ,\"a\":[ 1, {\"x\": \"]}\\\"\"} ],\n\"\" : \"v\",\"l\":true } ");

  ASSERT_EQ(members.size(), 4U);
  EXPECT_EQ(members[0].name, "b");
  EXPECT_EQ(members[0].value, "1.50");
  EXPECT_EQ(members[1].name, "a");
  EXPECT_EQ(members[1].value, "[ 1, {\"x\": \"]}\\\"\"} ]");
  EXPECT_EQ(members[2].name, "");
  EXPECT_EQ(members[2].value, "\"v\"");
  EXPECT_EQ(members[3].value, "true");
}

TEST(MembersOf, ShowsTheSameNameTwiceHoweverItIsWritten) {
  const auto members = *members_of(R"({"a":1,"\u0061":2})");

  ASSERT_EQ(members.size(), 2U);
  EXPECT_EQ(members[0].name, members[1].name);
}

TEST(MembersOf, TellsObjectsFromEverythingElse) {
  EXPECT_THAT(*members_of(" { } "), IsEmpty());
  for (const auto* text : {"[]", "1", "null", "\"{}\""})
    EXPECT_FALSE(members_of(text)) << text;
}

TEST(ElementsOf, AreTheRawValuesInOrder) {
  EXPECT_THAT(*elements_of(R"( [ "a,]" , [1, 2],{"b":[]},-0 ,null] )"),
              ElementsAre(R"("a,]")", "[1, 2]", R"({"b":[]})", "-0", "null"));
  EXPECT_THAT(*elements_of("[ ]"), IsEmpty());
  EXPECT_FALSE(elements_of("{}"));
  EXPECT_FALSE(elements_of("\"[]\""));
}

TEST(StringOf, DecodesEveryEscape) {
  EXPECT_EQ(string_of(R"("plain")"), "plain");
  EXPECT_EQ(string_of(R"("\"\\\/\b\f\n\r\t")"), "\"\\/\b\f\n\r\t");
  EXPECT_EQ(string_of(R"("\u00e9\u20AC")"), "\xc3\xa9\xe2\x82\xac");
  EXPECT_EQ(string_of(R"("\ud83d\ude00")"), "\xf0\x9f\x98\x80");
  EXPECT_EQ(string_of(R"("a\u0000b")"), std::string("a\0b", 3));
  EXPECT_FALSE(string_of("1"));
}

TEST(IsInteger, HoldsForIntegerLiteralsOnly) {
  for (const auto* text : {"0", "-0", "5", "-5", "12345678901234567890123"})
    EXPECT_TRUE(is_integer(text)) << text;
  for (const auto* text : {"5.0", "1e3", "1E3", "\"5\"", "null", "[5]", "-0.0", "", "-", "05",
                           "-05", "+5", " 5", "5 ", "5-", "00"})
    EXPECT_FALSE(is_integer(text)) << text;
}

TEST(Compact, DropsSpaceOutsideOfStringsOnly) {
  EXPECT_EQ(compact(" { \"a b\" : [ 1 , \" \\\" \" ] ,\n\t\"c\\\\\" : 2 }\r"),
            "{\"a b\":[1,\" \\\" \"],\"c\\\\\":2}");
}

TEST(Compact, KeepsEveryDigitAndEscape) {
  for (const auto* text : {"0.1", "0.30000000000000004", "1e400", "12345678901234567890123", "-0",
                           "1.0E+02", R"("\u0000\u00e9\ud83d\ude00\/")"})
    EXPECT_EQ(compact(text), text);
}

TEST(Quote, IsReadBackAsTheSameText) {
  std::string text;
  for (char c = 0; c < 127; ++c)
    text.push_back(c);
  text += "\x7f gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80";

  const auto quoted = quote(text);

  EXPECT_FALSE(check_json(quoted));
  EXPECT_EQ(string_of(quoted), text);
}

TEST(Quote, EscapesNoMoreThanItMust) {
  EXPECT_EQ(quote("a/b \"c\" \\ \n \x01 \xc3\xbc"), "\"a/b \\\"c\\\" \\\\ \\n \\u0001 \xc3\xbc\"");
}

} // namespace
} // namespace starling::http
