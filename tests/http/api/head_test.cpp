#include "http/api/head.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using testing::ElementsAre;
using testing::Optional;
using testing::Pair;

using namespace std::string_literals;

/// A request with these fields behind a Host.
std::string with(const std::string& fields, const std::string& version = "1.1") {
  return "POST /a HTTP/" + version + "\r\nHost: h\r\n" + fields + "\r\n";
}

std::string with_target(const std::string& target, const std::string& method = "GET") {
  return method + " " + target + " HTTP/1.1\r\nHost: h\r\n\r\n";
}

head accepted(const std::string& bytes) {
  const auto outcome = read_head(bytes);
  if (const auto* complete = std::get_if<head_complete>(&outcome)) {
    EXPECT_EQ(complete->size, bytes.size()) << testing::PrintToString(bytes);
    return complete->what;
  }
  const auto* refused = std::get_if<problem>(&outcome);
  ADD_FAILURE() << testing::PrintToString(bytes) << (refused ? refused->detail : " incomplete");
  return {};
}

/// The status with which these bytes are refused, 0 if they are not.
int refused(const std::string& bytes) {
  const auto outcome = read_head(bytes);
  const auto* why = std::get_if<problem>(&outcome);
  return why ? status_of(why->code) : 0;
}

void expect_all(const std::vector<std::string>& all, int status) {
  for (const auto& bytes : all)
    EXPECT_EQ(refused(bytes), status) << testing::PrintToString(bytes.substr(0, 200));
}

TEST(Head, IsReadWhole) {
  const auto got =
      accepted("PUT /registers/a%2Fb?x=y HTTP/1.1\r\nHost: h:80\r\n"
               "Content-Type:application/json \t\r\nX-Empty:\r\ncontent-length: 12\r\n\r\n");

  EXPECT_EQ(got.method, "PUT");
  EXPECT_EQ(got.target, "/registers/a%2Fb?x=y");
  EXPECT_THAT(got.fields,
              ElementsAre(Pair("host", "h:80"), Pair("content-type", "application/json"),
                          Pair("x-empty", ""), Pair("content-length", "12")));
  EXPECT_THAT(got.body.length, Optional(12));
  EXPECT_FALSE(got.body.chunked);
  EXPECT_TRUE(got.keeps_open);
  EXPECT_FALSE(got.is_http_1_0);
  EXPECT_FALSE(got.expects_continue);
}

TEST(Head, LeavesWhatFollowsIt) {
  const auto outcome = read_head(with("") + "GET /next");
  EXPECT_EQ(std::get<head_complete>(outcome).size, with("").size());
}

TEST(Head, IsIncompleteUntilItsLastByte) {
  const auto whole = "\r\n" + with("A: b\r\nContent-Length: 3\r\n");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const auto outcome = read_head(whole.substr(0, size));
    const auto* incomplete = std::get_if<head_incomplete>(&outcome);
    ASSERT_TRUE(incomplete) << size;
    EXPECT_EQ(incomplete->begun, size > 2) << size;
  }
  accepted(whole);
}

TEST(Head, IsTheSameHoweverItsBytesCome) {
  const auto whole = with("A: b\r\nTransfer-Encoding: chunked\r\n");
  std::size_t seen = 0;
  for (std::size_t size = 1; size < whole.size(); seen = size++)
    ASSERT_TRUE(std::holds_alternative<head_incomplete>(read_head(whole.substr(0, size), seen)));
  EXPECT_TRUE(std::get<head_complete>(read_head(whole, seen)).what.body.chunked);
}

TEST(Head, JoinsTheValuesOfOneName) {
  EXPECT_THAT(accepted(with("X-A: 1\r\nB: 2\r\nx-a: 3\r\n")).joined("x-a"), Optional("1, 3"s));
  EXPECT_EQ(accepted(with("")).joined("x-a"), std::nullopt);
}

TEST(Head, KeepsEscapesInValues) {
  EXPECT_THAT(accepted(with("X: %31%0d%0a\r\n")).joined("x"), Optional("%31%0d%0a"s));
  expect_all({with("Content-Length: %31%36\r\n"), with("Transfer-Encoding: chunk%65d\r\n")}, 400);
}

// -- lines --

TEST(Head, TakesAFewEmptyLinesBeforeIt) {
  accepted("\r\n" + with(""));
  accepted("\r\n\r\n\r\n\r\n" + with(""));
  expect_all({"\r\n\r\n\r\n\r\n\r\n", "\n" + with(""), "\r" + with(""), " \r\n" + with("")}, 400);
}

TEST(Head, EndsEachLineWithCrLf) {
  expect_all({"GET /a HTTP/1.1\nHost: h\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\n\r\n",
              "GET /a HTTP/1.1\r\nHost: h\r\n\n", with("Content-Length: 42\nX: y\r\n"),
              "GET /a HTTP/1.1\r\r\nHost: h\r\n\r\n", with("A: b\r\r\n")},
             400);
}

TEST(Head, HasNoControlCharacters) {
  for (const auto c : "\r\0\x01\x08\x0b\x0c\x1f\x7f"s) {
    expect_all({with("X: a"s + c + "b\r\n"), with("X"s + c + ": a\r\n"), with(c + "X: a\r\n"s),
                with("X: a"s + c + "\r\n"), with("Host: x"s + c + "Content-Length: 42\r\n"),
                with_target("/a"s + c), with_target("/a"s + c + "b"), "G"s + c + with_target("/"),
                "GET /a HTTP/1.1"s + c + "\r\nHost: h\r\n\r\n"},
               400);
  }
}

TEST(Head, HasFieldsWithANameAColonAndAValue) {
  for (const auto* line : {"Content-Length : 42",
                           "Content-Length\t: 42",
                           "Transfer-Encoding : chunked",
                           "Content-Length 42",
                           ": v",
                           "no colon",
                           " X: folded",
                           "\tX: folded",
                           "X: a\r\n b",
                           "X: a\r\n\tb",
                           "Transfer-Encoding:\r\n chunked",
                           "(X): a",
                           "[X]: a",
                           "X Y: a",
                           "X\"Y: a",
                           "X/Y: a",
                           "X@Y: a",
                           "{X}: a",
                           "\xefX: a",
                           "X,Y: a",
                           "X;Y: a",
                           "X=Y: a",
                           "<X>: a"})
    EXPECT_EQ(refused(with(std::string{line} + "\r\n")), 400) << line;
  for (const auto* line : {"X:", "X: ", "X:a:b", "X:\t\ta\t", "!#$%&'*+-.^_`|~09aZ: a",
                           "X: \xc3\xbc \"quoted\" (comment)"})
    accepted(with(std::string{line} + "\r\n"));
}

// -- the first line --

TEST(Head, BeginsWithMethodTargetAndVersion) {
  expect_all({"GET\r\n\r\n", "GET /a\r\n\r\n", "hello\r\n\r\n", "GET  /a HTTP/1.1\r\n\r\n",
              "GET /a  HTTP/1.1\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n", " GET /a HTTP/1.1\r\n\r\n",
              "GET /a HTTP/1.1 \r\n\r\n", "GET\t/a\tHTTP/1.1\r\n\r\n", "GET /a\tHTTP/1.1\r\n\r\n",
              "G(T /a HTTP/1.1\r\n\r\n", "/a HTTP/1.1\r\n\r\n", "GET  HTTP/1.1\r\n\r\n"},
             400);
}

TEST(Head, IsOfHttpOneOnly) {
  for (const auto* version : {"1.1", "1.2", "1.9"})
    EXPECT_FALSE(accepted(with("", version)).is_http_1_0) << version;
  EXPECT_TRUE(accepted(with("", "1.0")).is_http_1_0);
  for (const auto* version : {"0.9", "2.0", "3.0", "9.9"})
    EXPECT_EQ(refused(with("", version)), 505) << version;
  for (const auto* version : {"1", "1.", ".1", "1.10", "11", "01.1", "1,1", "x.y", "1.1x", ""})
    EXPECT_EQ(refused(with("", version)), 400) << version;
  expect_all({"GET /a http/1.1\r\nHost: h\r\n\r\n", "GET /a HTTPS/1.1\r\nHost: h\r\n\r\n",
              "GET /a XTTP/1.1\r\nHost: h\r\n\r\n"},
             400);
  EXPECT_EQ(refused("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505);
}

TEST(Head, HasAMethodThatIsKnown) {
  for (const auto* method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
    EXPECT_EQ(accepted(with_target("/a", method)).method, method);
  for (const auto* method : {"FOO", "BREW", "PURGE", "PROPFIND", "get", "Get", "GETS", "G",
                             "CONNECT", "QUERY", "M-SEARCH"})
    EXPECT_EQ(refused(with_target("/a", method)), 501) << method;
  EXPECT_EQ(refused(with_target("/a", std::string(5000, 'G'))), 501);
}

TEST(Head, HasATargetInOriginForm) {
  for (const auto* target :
       {"/", "/a?b", "/keys?prefix=wh?at", "/a??", "/a%zz", "//a", "/a+b", "/a|b{c}\"^`\\<>",
        "/fr\xc3\xbc"
        "chte"})
    EXPECT_EQ(accepted(with_target(target)).target, target);
  for (const auto* target : {"/a#b", "/a?b#c", "#", "a", "*", "?a", "h:80", "http:/h/a", "http:h",
                             "ftp://h/a", "://h/a", "http//h"})
    EXPECT_EQ(refused(with_target(target)), 400) << target;
}

TEST(Head, HasATargetInAbsoluteForm) {
  const std::pair<const char*, const char*> cases[] = {{"http://x/healthz", "/healthz"},
                                                       {"HTTP://x.example:8080/a?b=c", "/a?b=c"},
                                                       {"http://x", "/"},
                                                       {"http://x?limit=1", "/?limit=1"},
                                                       {"https://[::1]:80/a", "/a"},
                                                       {"http://127.0.0.1:/a", "/a"},
                                                       {"http://x//http://y/z", "//http://y/z"}};
  for (const auto& [target, origin_form] : cases)
    EXPECT_EQ(accepted(with_target(target)).target, origin_form) << target;
  for (const auto* target : {"http:///a", "http://", "http://user@x/a", "http://x y/a",
                             "http://x:port/a", "http://x/a#b", "http://[x]/a", "http://a,b/"})
    EXPECT_EQ(refused(with_target(target)), 400) << target;
}

TEST(Head, AsksAboutTheWholeServerByAnAsteriskAndOptions) {
  EXPECT_EQ(accepted(with_target("*", "OPTIONS")).target, "*");
  EXPECT_EQ(accepted(with_target("http://x", "OPTIONS")).target, "*");
  EXPECT_EQ(accepted(with_target("http://x/", "OPTIONS")).target, "/");
  EXPECT_EQ(refused(with_target("*", "GET")), 400);
  EXPECT_EQ(refused(with_target("**", "OPTIONS")), 400);
}

// -- limits --

TEST(Head, HasAFirstLineUpToItsLimit) {
  const auto line = [](std::size_t size) {
    const std::string before = "GET /";
    const std::string after = " HTTP/1.1";
    return before + std::string(size - before.size() - after.size(), 'x') + after;
  };
  const auto most = head_limits::first_line_bytes_max;
  accepted(line(most) + "\r\nHost: h\r\n\r\n");
  for (const auto size : {most + 1, most + 2, 2 * most, 4 * most, std::size_t{1'000'000}})
    EXPECT_EQ(refused(line(size) + "\r\nHost: h\r\n\r\n"), 414) << size;
  EXPECT_EQ(refused("GET /" + std::string(most, 'x')), 414) << "without an end";
  EXPECT_TRUE(
      std::holds_alternative<head_incomplete>(read_head("GET /" + std::string(most - 5, 'x'), 1)));
}

TEST(Head, HasFieldsUpToTheirLimit) {
  const auto host = std::string_view{"Host: h\r\n"}.size();
  const auto field = [](std::size_t size) { return "X: " + std::string(size - 5, 'x') + "\r\n"; };
  const auto most = head_limits::fields_bytes_max - host;
  accepted(with(field(most)));
  accepted(with(field(8000) + field(8000)));
  for (const auto size : {most + 1, most + 2, 2 * most, std::size_t{1'000'000}})
    EXPECT_EQ(refused(with(field(size))), 431) << size;
  EXPECT_EQ(refused(with(field(8000) + field(8000) + field(8000))), 431);
  EXPECT_EQ(refused("GET / HTTP/1.1\r\nX: " + std::string(most + host, 'x')), 431) << "no end";

  std::string many;
  for (std::size_t i = 1; i < head_limits::fields_max; ++i)
    many += "X:\r\n";
  accepted(with(many));
  EXPECT_EQ(refused(with(many + "X:\r\n")), 431);
}

// -- fields that matter --

TEST(Head, HasOneHost) {
  for (const auto* host :
       {"h", "h:80", "h:", "127.0.0.1:8080", "[::1]", "[fe80::1%25eth0]:80", "a_b.c-d~", "%41:1"})
    accepted("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n");
  for (const auto* host :
       {"",         "a b",     "user@x", "x/path", "x, y",     "x,y",    "x:port",
        "x:-1",     "x:80:80", "[::1",   "::1",    "[x]",      "[::1]x", "x:99999",
        "x:123456", "h?",      "h#",     "%4",     "\xc3\xbc", "\"h\"",  "http://h"})
    EXPECT_EQ(refused("GET / HTTP/1.1\r\nHost: "s + host + "\r\n\r\n"), 400) << host;
  expect_all({"GET / HTTP/1.1\r\n\r\n", with("Host: h\r\n"), with("Host: other\r\n"),
              with("Host: h\r\n", "1.0"), "GET / HTTP/1.0\r\nHost: a b\r\n\r\n",
              "GET http://h/ HTTP/1.1\r\n\r\n"},
             400);
  accepted("GET / HTTP/1.0\r\n\r\n");
}

TEST(Head, SaysOnceHowLongTheBodyIs) {
  for (const auto* fields :
       {"Content-Length:", "Content-Length: ", "Content-Length: abc", "Content-Length: -1",
        "Content-Length: +1", "Content-Length: 0x1", "Content-Length: 1 1", "Content-Length: 1,1",
        "Content-Length: 1, 1", "Content-Length: 1.0", "Content-Length: 1_000",
        "Content-Length: 1\r\nContent-Length: 1", "Content-Length: 1\r\nContent-Length: 2",
        "Content-Length: 1\r\nContent-Length:", "Content-Length: 1\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length:", "Content-Length: \xef\xbc\x91"})
    EXPECT_EQ(refused(with(std::string{fields} + "\r\n")), 400) << fields;
  EXPECT_THAT(accepted(with("Content-Length: 0007\r\n")).body.length, Optional(7));
  EXPECT_THAT(accepted(with("Content-Length: 99999999999999999999\r\n")).body.length,
              Optional(UINT64_MAX));
  EXPECT_EQ(accepted(with("")).body.length, std::nullopt);
}

TEST(Head, KnowsChunkedAlone) {
  EXPECT_TRUE(accepted(with("Transfer-Encoding: chunked\r\n")).body.chunked);
  EXPECT_TRUE(accepted(with("transfer-encoding:\tCHUNKED \r\n")).body.chunked);
  for (const auto* fields :
       {"Transfer-Encoding:", "Transfer-Encoding: gzip, chunked",
        "Transfer-Encoding: chunked, gzip", "Transfer-Encoding: chunked, chunked",
        "Transfer-Encoding: identity", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: ,chunked", "Transfer-Encoding: chunked,",
        "Transfer-Encoding: chunked;q=1", "Transfer-Encoding: \"chunked\"",
        "Transfer-Encoding: xchunked", "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked"})
    EXPECT_EQ(refused(with(std::string{fields} + "\r\n")), 400) << fields;
  EXPECT_EQ(refused(with("Transfer-Encoding: chunked\r\n", "1.0")), 400);
}

TEST(Head, AsksForTheConnectionToBeClosedOrKept) {
  const auto keeps = [](const std::string& fields, const std::string& version) {
    return accepted(with(fields, version)).keeps_open;
  };
  for (const auto* value : {"close", "Close", "CLOSE", "keep-alive, close", "close, TE", ",close,",
                            "close\r\nConnection: keep-alive", "TE\r\nConnection: close"}) {
    const auto fields = "Connection: " + std::string{value} + "\r\n";
    EXPECT_FALSE(keeps(fields, "1.1")) << value;
    EXPECT_FALSE(keeps(fields, "1.0")) << value;
  }
  for (const auto* value : {"keep-alive", "Keep-Alive", "TE, KEEP-ALIVE"}) {
    const auto fields = "Connection: " + std::string{value} + "\r\n";
    EXPECT_TRUE(keeps(fields, "1.1")) << value;
    EXPECT_TRUE(keeps(fields, "1.0")) << value;
  }
  for (const auto* fields : {"", "Connection:\r\n", "Connection: closed\r\n", "X: close\r\n"}) {
    EXPECT_TRUE(keeps(fields, "1.1")) << fields;
    EXPECT_FALSE(keeps(fields, "1.0")) << fields;
  }
}

TEST(Head, ExpectsNothingButToGoOn) {
  EXPECT_TRUE(accepted(with("Expect: 100-continue\r\n")).expects_continue);
  EXPECT_TRUE(accepted(with("expect: 100-Continue\r\n")).expects_continue);
  EXPECT_FALSE(accepted(with("")).expects_continue);
  EXPECT_FALSE(accepted(with("Expect: 100-continue\r\n", "1.0")).expects_continue);
  for (const auto* value : {"something-else", "100-continue, x", "200-ok", "100"})
    EXPECT_EQ(refused(with("Expect: "s + value + "\r\n")), 417) << value;
}

TEST(Head, CaresForNoRange) {
  for (const auto* value : {"items=0-5", "bytes=abc", "bytes=5-2", "bytes=0-3", ""})
    accepted(with("Range: "s + value + "\r\n"));
}

} // namespace
} // namespace starling::http
