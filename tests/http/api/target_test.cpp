#include "http/api/target.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;
using testing::Pair;

TEST(PathOf, SplitsBeforeItDecodes) {
  EXPECT_THAT(*path_of("/counters/visitors"), ElementsAre("counters", "visitors"));
  EXPECT_THAT(*path_of("/sets/a%2Fb%2fc"), ElementsAre("sets", "a/b/c"));
  EXPECT_THAT(*path_of("/sets/100%25"), ElementsAre("sets", "100%"));
  EXPECT_THAT(*path_of("/sets/%252F"), ElementsAre("sets", "%2F"));
}

TEST(PathOf, KeepsEmptySegments) {
  EXPECT_THAT(*path_of("/"), ElementsAre(""));
  EXPECT_THAT(*path_of("/sets/"), ElementsAre("sets", ""));
  EXPECT_THAT(*path_of("//sets"), ElementsAre("", "sets"));
}

TEST(PathOf, KeepsPlusSignsAndDots) {
  EXPECT_THAT(*path_of("/sets/a+b/../%2e%2e"), ElementsAre("sets", "a+b", "..", ".."));
}

TEST(PathOf, LeavesTheQueryOut) {
  EXPECT_THAT(*path_of("/sets/a?b=c/d&%zz"), ElementsAre("sets", "a"));
  EXPECT_THAT(*path_of("/sets/a%3Fb"), ElementsAre("sets", "a?b"));
}

TEST(ParametersOf, SplitsBeforeItDecodes) {
  EXPECT_THAT(*parameters_of("/sets/a?b=c&d%3D=%26%3D&e=f=g"),
              ElementsAre(Pair("b", "c"), Pair("d=", "&="), Pair("e", "f=g")));
  EXPECT_THAT(*parameters_of("/a?b=c/d?e"), ElementsAre(Pair("b", "c/d?e")));
}

TEST(ParametersOf, KeepsOrderRepetitionsAndEmptyValues) {
  EXPECT_THAT(*parameters_of("/a?b=2&b=1&c=&=d"),
              ElementsAre(Pair("b", "2"), Pair("b", "1"), Pair("c", ""), Pair("", "d")));
}

TEST(ParametersOf, TakesAPlusForASpaceAndItsEscapeForAPlus) {
  EXPECT_THAT(*parameters_of("/a+b?New+York=New+Jersey+&plus%2B=%2B%2b&%20=+"),
              ElementsAre(Pair("New York", "New Jersey "), Pair("plus+", "++"), Pair(" ", " ")));
}

TEST(ParametersOf, TakesFurtherQuestionMarksAsTheyAre) {
  EXPECT_THAT(*parameters_of("/a?prefix=wh?at&who?=me?"),
              ElementsAre(Pair("prefix", "wh?at"), Pair("who?", "me?")));
}

TEST(ParametersOf, FindsNoneWithoutAQuery) {
  for (const auto* target : {"/sets/a", "/sets/a?", "/sets/a%3Fb=c"})
    EXPECT_THAT(parameters_of(target), Optional(IsEmpty())) << target;
}

TEST(ParametersOf, SkipsEmptyPairs) {
  for (const auto* target : {"/a?&", "/a?&&&"})
    EXPECT_THAT(parameters_of(target), Optional(IsEmpty())) << target;
  for (const auto* target : {"/a?b=c&", "/a?&b=c", "/a?&&b=c&&"})
    EXPECT_THAT(parameters_of(target), Optional(ElementsAre(Pair("b", "c")))) << target;
  EXPECT_THAT(*parameters_of("/a?b=c&&d=e"), ElementsAre(Pair("b", "c"), Pair("d", "e")));
}

TEST(ParametersOf, RefusesWhatIsMalformed) {
  for (const auto* target : {"/a?b", "/a?b&", "/a?&b", "/a?b=%", "/a?b=%zz", "/a?%2=b", "/a?b=%ff",
                             "/a?%c3=%bc", "/a?b=\xff", "/a??"})
    EXPECT_FALSE(parameters_of(target)) << target;
}

TEST(PathOf, TakesUtf8EscapedOrNot) {
  EXPECT_THAT(*path_of("/sets/fr%C3%BCchte"), ElementsAre("sets", "fr\xc3\xbc"
                                                                  "chte"));
  EXPECT_THAT(*path_of("/sets/fr\xc3\xbc"
                       "chte"),
              ElementsAre("sets", "fr\xc3\xbc"
                                  "chte"));
  EXPECT_THAT(*path_of("/sets/%00%0a"), ElementsAre("sets", std::string("\0\n", 2)));
}

TEST(PathOf, RefusesMalformedEscapes) {
  for (const auto* target : {"/%", "/%2", "/%zz", "/%2g", "/% 2", "/%-1", "/%+1", "/%0x", "/a%/b",
                             "/%2/F", "/%u00e9", "/%2?F"})
    EXPECT_FALSE(path_of(target)) << target;
}

TEST(PathOf, RefusesSegmentsThatAreNotUtf8) {
  for (const auto* target : {"/%ff", "/%c3", "/%c0%80", "/%ed%a0%80", "/\xff", "/%c3/%bc"})
    EXPECT_FALSE(path_of(target)) << target;
}

TEST(PathOf, RefusesTargetsThatAreNoPath) {
  for (const auto* target : {"", "*", "sets/a", "http://host/sets/a", "host:80", "?a"})
    EXPECT_FALSE(path_of(target)) << target;
}

} // namespace
} // namespace starling::http
