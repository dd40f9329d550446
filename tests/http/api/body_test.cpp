#include "http/api/body.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

constexpr std::size_t bytes_max = 1000;

struct outcome {
  int status = 0; // with which it is refused
  bool done = false;
  std::string content;
  std::string rest;
};

/// What becomes of the bytes if they come in pieces of that size.
outcome read(const framing& how, std::string_view bytes, std::size_t piece) {
  body_reader reader{how, bytes_max};
  std::string rest;
  for (std::string_view left = bytes; !left.empty() && !reader.is_done();) {
    auto next = left.substr(0, piece);
    left.remove_prefix(next.size());
    if (const auto refused = reader.read(next))
      return {.status = status_of(refused->code)};
    rest = std::string{next}.append(left);
  }
  return {.status = 0, .done = reader.is_done(), .content = reader.content(), .rest = rest};
}

const framing chunked{.length = std::nullopt, .chunked = true};

void expect_read(const framing& how, std::string_view bytes, const std::string& content,
                 const std::string& rest = "") {
  for (const std::size_t piece : {1UL, 2UL, 3UL, 7UL, bytes.size() + 1}) {
    const auto got = read(how, bytes, piece);
    EXPECT_EQ(got.status, 0) << testing::PrintToString(bytes);
    EXPECT_TRUE(got.done) << testing::PrintToString(bytes);
    EXPECT_EQ(got.content, content);
    EXPECT_EQ(got.rest, rest);
  }
}

void expect_refused(const framing& how, std::string_view bytes, int status) {
  for (const std::size_t piece : {1UL, 2UL, 5UL, bytes.size() + 1})
    EXPECT_EQ(read(how, bytes, piece).status, status) << testing::PrintToString(bytes);
}

TEST(Body, IsThereOnlyIfTheHeadSaysSo) {
  EXPECT_TRUE(body_reader{}.is_done());
  EXPECT_TRUE((body_reader{{}, bytes_max}.is_done()));
  EXPECT_TRUE((body_reader{{.length = 0}, bytes_max}.is_done()));
  EXPECT_FALSE((body_reader{{.length = 1}, bytes_max}.is_done()));
  EXPECT_FALSE((body_reader{chunked, bytes_max}.is_done()));
}

TEST(Body, HasItsLength) {
  expect_read({.length = 3}, "abc", "abc");
  expect_read({.length = 3}, "abcGET /", "abc", "GET /");
  EXPECT_FALSE(read({.length = 3}, "ab", 10).done);
}

TEST(Body, HasChunks) {
  expect_read(chunked, "3\r\nabc\r\n00A\r\n0123456789\r\n0\r\n\r\nrest", "abc0123456789", "rest");
  expect_read(chunked, "3\r\n\r\n\r\r\n0\r\n\r\n", "\r\n\r");
  expect_read(chunked, "0\r\n\r\n", "");
  expect_read(chunked, "0000000000000000000000003\r\nabc\r\n0000\r\n\r\n", "abc");
}

TEST(Body, HasExtensionsOfChunksThatSayNothing) {
  for (const std::string extension :
       {";x", ";x=y", ";x=\"y z; \\\" \"", " ; x = y ;z", ";\tx", ";x;y;z=1", ";x=\"\""})
    expect_read(chunked, "3" + extension + "\r\nabc\r\n0" + extension + "\r\n\r\n", "abc");
  for (const std::string extension : {";",      " ",         "\t",     " zz",     ";;",
                                      "; ",     ";=",        ";x=",    ";x=y z",  ";x y",
                                      ";x=\"y", ";x=\"y\"z", ";\"x\"", ";x=\x01", ";x=\"\x7f\"",
                                      ";x\r",   ";(x)",      ",",      "x",       "."})
    expect_refused(chunked, "3" + extension + "\r\nabc\r\n0\r\n\r\n", 400);
  expect_refused(chunked, "3;x=\"\n\"\r\nabc\r\n0\r\n\r\n", 400);
}

TEST(Body, HasChunksOfTheSizeThatTheySay) {
  for (const auto* bytes :
       {"\r\n", "x\r\n", "-1\r\n", "+1\r\n", "0x1\r\na\r\n", " 1\r\na\r\n", "1 1\r\na\r\n",
        "1\r\nab\r\n", "1\r\na\n0\r\n\r\n", "1\na\r\n0\r\n\r\n", "1\r\na0\r\n\r\n",
        "1\r\n\r\na\r\n", "1\r\na\rb", "\n", ";x\r\n", "1\r\r\na\r\n"})
    expect_refused(chunked, bytes, 400);
  expect_refused(chunked, std::string(2000, '0'), 400);
  expect_refused(chunked, "1;x=" + std::string(2000, 'x'), 400);
}

TEST(Body, HasTrailersThatAreFields) {
  expect_read(chunked, "0\r\nTrailer: x\r\nContent-Length: 5\r\n\r\nrest", "", "rest");
  for (const auto* trailer :
       {"no colon\r\n", " X: y\r\n", "X : y\r\n", "X: y\n", "X: \x01\r\n", ": y\r\n"})
    expect_refused(chunked, std::string{"0\r\n"} + trailer + "\r\n", 400);
  std::string many;
  for (int i = 0; i < 100; ++i)
    many += "T: x\r\n";
  expect_refused(chunked, "0\r\n" + many, 400);
}

TEST(Body, IsNoLargerThanItsLimit) {
  const std::string most(bytes_max, 'x');
  expect_read({.length = bytes_max}, most, most);
  expect_read(chunked, "3e8\r\n" + most + "\r\n0\r\n\r\n", most);
  expect_refused({.length = bytes_max + 1}, "x", 413);
  expect_refused({.length = UINT64_MAX}, "x", 413);
  expect_refused(chunked, "3e9\r\n", 413);
  expect_refused(chunked, "3e8\r\n" + most + "\r\n1\r\n", 413);
  expect_refused(chunked, "FFFFFFFFFFFFFFFF\r\n", 413);
  expect_refused(chunked, "FFFFFFFFFFFFFFFFF\r\n", 413);
}

TEST(Body, ThatIsTooLargeIsRefusedBeforeAnyOfItHasCome) {
  body_reader reader{{.length = bytes_max + 1}, bytes_max};
  std::string_view nothing;
  EXPECT_EQ(status_of(reader.read(nothing)->code), 413);
}

} // namespace
} // namespace starling::http
