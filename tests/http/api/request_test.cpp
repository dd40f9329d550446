#include "http/api/request.hpp"
#include "tests/documents.hpp"

#include <gtest/gtest.h>

namespace starling::http {
namespace {

const wire::secret secret{"test", "s3cret"};

parsed parse(const request& r) {
  return http::parse(r, secret, {.body_bytes_max = 64});
}

/// A write that is fine; tests spoil one part of it.
request good_write() {
  request r;
  r.method = "POST";
  r.target = "/counters/visitors";
  r.body = R"({"increment": 5})";
  return r;
}

request get(std::string_view target, std::string_view method = "GET") {
  request r;
  r.method = method;
  r.target = target;
  return r;
}

void expect_problem(const request& r, problem_code code, int status) {
  const auto result = parse(r);
  const auto* found = std::get_if<problem>(&result);
  ASSERT_TRUE(found) << r.method << ' ' << r.target << " is no problem";
  EXPECT_EQ(name_of(found->code), name_of(code)) << r.method << ' ' << r.target;
  EXPECT_EQ(status_of(found->code), status);
}

TEST(Request, ReadsAKeyOfEachType) {
  const std::pair<std::string_view, crdt::type> routes[] = {
      {"/counters/a", crdt::type::counter},
      {"/registers/a", crdt::type::register_},
      {"/sets/a", crdt::type::set},
  };
  for (const auto& [target, type] : routes)
    for (const auto* method : {"GET", "HEAD"})
      EXPECT_EQ(std::get<read_request>(parse(get(target, method))).key, (crdt::key{type, "a"}));
}

TEST(Request, AsksForThePagesOfTheNode) {
  for (const auto* method : {"GET", "HEAD"}) {
    EXPECT_TRUE(std::holds_alternative<cluster_request>(parse(get("/cluster", method))));
    EXPECT_TRUE(std::holds_alternative<health_request>(parse(get("/healthz", method))));
    EXPECT_TRUE(std::holds_alternative<ready_request>(parse(get("/readyz?", method))));
    EXPECT_TRUE(std::holds_alternative<metrics_request>(parse(get("/metrics", method))));
  }
}

TEST(Routes, StandInTheTableOfTheApiPage) {
  const auto document = text_of_document("docs/api.md");
  for (const auto& [path, allow] : routes())
    for (const auto* method : {"GET", "POST", "PUT"})
      if (allow.find(method) != std::string_view::npos) {
        const auto row = "\n| `" + std::string{method} + ' ' + std::string{path} + "` |";
        EXPECT_NE(document.find(row), std::string::npos)
            << "docs/api.md has no row for " << method << ' ' << path;
      }
}

TEST(Request, ReadsAPageOfASet) {
  for (const auto* method : {"GET", "HEAD"}) {
    const auto result = parse(get("/sets/a?limit=7&after=b%2Fc", method));
    EXPECT_EQ(std::get<read_request>(result).key, (crdt::key{crdt::type::set, "a"}));
    EXPECT_EQ(std::get<read_request>(result).query, crdt::query{(crdt::member_page{"b/c", 7})});
  }
  EXPECT_EQ(std::get<read_request>(parse(get("/sets/a"))).query, crdt::query{crdt::whole_value{}});
}

TEST(Request, ReadsOneMemberOfASet) {
  for (const auto& [target, member] :
       {std::pair{"/sets/a/members/x%2Fy", "x/y"}, {"/sets/a/members/", ""}}) {
    const auto result = parse(get(target));
    EXPECT_EQ(std::get<read_request>(result).key, (crdt::key{crdt::type::set, "a"}));
    EXPECT_EQ(std::get<read_request>(result).query,
              crdt::query{(crdt::one_member{{crdt::payload_kind::text, member}})});
  }
}

TEST(Request, ListsKeys) {
  for (const auto* method : {"GET", "HEAD"})
    EXPECT_EQ(std::get<keys_request>(parse(get("/keys?prefix=a&limit=3", method))).query,
              (crdt::key_query{.prefix = "a", .limit = 3}));
}

TEST(Request, RefusesParametersThatAPathDoesNotHave) {
  for (const auto* target :
       {"/counters/a?limit=1", "/registers/a?x=1", "/sets/a?prefix=b", "/sets/a?limit=1&limit=1",
        "/sets/a?limit", "/sets/a?limit=0", "/sets/a/members/b?limit=1", "/keys?key=a",
        "/cluster?x=1", "/healthz?x=1", "/readyz?verbose", "/metrics?x=%ff"})
    expect_problem(get(target), problem_code::bad_query, 400);
}

TEST(Request, PassesOnHowItIsToBeAnswered) {
  auto r = good_write();
  r.target = "/counters/visitors?number=string";
  EXPECT_TRUE(std::get<write_request>(parse(r)).how.numbers_as_text);
  r.target = "/sets/fruits?contexts=false";
  r.body = R"({"add": ["apple"]})";
  const auto asked = std::get<write_request>(parse(r));
  EXPECT_FALSE(asked.how.contexts);
  EXPECT_FALSE(std::get<crdt::set_change>(asked.command).shows_members);
  for (const auto* target : {"/sets/a?contexts=false", "/sets/a?limit=1&contexts=false",
                             "/sets/a/members/b?contexts=false"})
    EXPECT_FALSE(std::get<read_request>(parse(get(target))).how.contexts) << target;
  EXPECT_TRUE(std::get<read_request>(parse(get("/sets/a"))).how.contexts);
  EXPECT_TRUE(std::get<read_request>(parse(get("/counters/a?number=string"))).how.numbers_as_text);
}

TEST(Request, RefusesParametersOfAWrite) {
  auto r = good_write();
  r.target = "/counters/visitors?dry-run=true";
  expect_problem(r, problem_code::bad_query, 400);
  r.target = "/sets/fruits?limit=1";
  r.body = R"({"add": ["apple"]})";
  expect_problem(r, problem_code::bad_query, 400);
}

TEST(Request, WritesAKeyOfEachType) {
  auto r = good_write();
  EXPECT_EQ(std::get<write_request>(parse(r)).key, (crdt::key{crdt::type::counter, "visitors"}));

  r = get("/registers/config", "PUT");
  r.body = R"({"value": "dark-mode"})";
  EXPECT_EQ(std::get<write_request>(parse(r)).key, (crdt::key{crdt::type::register_, "config"}));

  r = get("/sets/fruits", "POST");
  r.body = R"({"add": ["apple"]})";
  EXPECT_EQ(std::get<write_request>(parse(r)).key, (crdt::key{crdt::type::set, "fruits"}));
}

TEST(Request, TakesAnyKeyOfUtf8UpToItsLimit) {
  EXPECT_EQ(std::get<read_request>(parse(get("/sets/a%2Fb%00%C3%BC"))).key.name,
            std::string("a/b\0\xc3\xbc", 6));
  EXPECT_EQ(std::get<read_request>(parse(get("/sets/" + std::string(1024, 'k')))).key.name.size(),
            1024U);
}

TEST(Request, RefusesAKeyThatIsEmptyOrTooLong) {
  expect_problem(get("/sets/"), problem_code::bad_key, 400);
  expect_problem(get("/sets/?limit=1"), problem_code::bad_key, 400);
  expect_problem(get("/sets/" + std::string(1025, 'k')), problem_code::bad_key, 400);
  expect_problem(get("/sets//members/a"), problem_code::bad_key, 400);
  auto r = good_write();
  r.target = "/counters/";
  expect_problem(r, problem_code::bad_key, 400);
}

TEST(Request, RefusesATargetThatCannotBeDecoded) {
  for (const auto* target : {"/sets/%zz", "/sets/%", "/sets/%ff", "*", "http://h/sets/a", ""})
    expect_problem(get(target), problem_code::bad_target, 400);
}

TEST(Request, FindsNothingAtOtherPaths) {
  for (const auto* target :
       {"//", "/sets", "/sets/a/", "/sets/a/b", "/cluster/", "/cluster/a", "/Sets/a",
        "/favicon.ico", "//sets/a", "/keys/", "/keys/counter/a", "/sets/a/members",
        "/sets/a/members/b/c", "/sets/a/elements/b", "/counters/a/members/b"})
    expect_problem(get(target), problem_code::unknown_route, 404);
  expect_problem(get("/unknown", "BREW"), problem_code::unknown_route, 404);
}

TEST(Request, SaysWhatHelpsWhereNothingIsFound) {
  const auto advice = [](std::string_view target) {
    return std::get<problem>(parse(get(target))).detail;
  };
  for (const auto* target : {"/favicon.ico", "/counter/a", "//sets/a", "/v1/kv/a/b/c", "/Sets/a"})
    EXPECT_EQ(advice(target),
              "there are /counters/{key}, /registers/{key}, /sets/{key}, "
              "/sets/{key}/members/{member}, /keys, /, /cluster, /healthz, /readyz, /metrics")
        << target;
  EXPECT_EQ(advice("/counters"), "give the key, as in /counters/{key}; GET /keys lists those that "
                                 "this node knows");
  for (const auto* target : {"/registers/a/b", "/registers/a/"})
    EXPECT_EQ(advice(target),
              "there are /registers/{key}; a '/' within a segment is written as %2F");
  EXPECT_EQ(advice("/sets/a/b"), "there are /sets/{key}, /sets/{key}/members/{member}; a '/' "
                                 "within a segment is written as %2F");
  for (const auto* target : {"/keys/counter/a", "/keys/"})
    EXPECT_EQ(advice(target), "nothing is below /keys");
}

TEST(Request, AsksForTheIndexAtTheRoot) {
  for (const auto* method : {"GET", "HEAD"})
    for (const auto* target : {"/", "/?"})
      EXPECT_TRUE(std::holds_alternative<index_request>(parse(get(target, method))));
  expect_problem(get("/?x=1"), problem_code::bad_query, 400);
  expect_problem(get("/", "POST"), problem_code::method_not_allowed, 405);
  EXPECT_EQ(routes().front().path, "/counters/{key}");
  EXPECT_EQ(routes().front().allow, "GET, HEAD, POST, OPTIONS");
}

TEST(Request, RefusesOtherMethodsAndSaysWhichOnesThereAre) {
  const std::tuple<std::string_view, std::string_view, std::string_view> cases[] = {
      {"DELETE", "/counters/a", "GET, HEAD, POST, OPTIONS"},
      {"PUT", "/counters/a", "GET, HEAD, POST, OPTIONS"},
      {"POST", "/registers/a", "GET, HEAD, PUT, OPTIONS"},
      {"PATCH", "/sets/a", "GET, HEAD, POST, OPTIONS"},
      {"get", "/sets/a", "GET, HEAD, POST, OPTIONS"},
      {"BREW", "/sets/a", "GET, HEAD, POST, OPTIONS"},
      {"", "/sets/a", "GET, HEAD, POST, OPTIONS"},
      {"GET, HEAD", "/sets/a", "GET, HEAD, POST, OPTIONS"},
      {"POST", "/cluster", "GET, HEAD, OPTIONS"},
      {"PUT", "/healthz", "GET, HEAD, OPTIONS"},
      {"DELETE", "/readyz", "GET, HEAD, OPTIONS"},
      {"POST", "/metrics", "GET, HEAD, OPTIONS"},
      {"POST", "/keys", "GET, HEAD, OPTIONS"},
      {"PUT", "/sets/a/members/b", "GET, HEAD, OPTIONS"},
      {"DELETE", "/sets/a/members/b?x", "GET, HEAD, OPTIONS"},
  };
  for (const auto& [method, target, allow] : cases) {
    expect_problem(get(target, method), problem_code::method_not_allowed, 405);
    EXPECT_EQ(std::get<problem>(parse(get(target, method))).allow, allow);
  }
}

TEST(Request, AnswersOptionsOnAKnownPath) {
  EXPECT_EQ(std::get<options_request>(parse(get("/registers/a", "OPTIONS"))).allow,
            "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(std::get<options_request>(parse(get("/cluster", "OPTIONS"))).allow,
            "GET, HEAD, OPTIONS");
  EXPECT_EQ(std::get<options_request>(parse(get("/sets/a/members/b", "OPTIONS"))).allow,
            "GET, HEAD, OPTIONS");
  EXPECT_EQ(std::get<options_request>(parse(get("/keys?limit=2", "OPTIONS"))).allow,
            "GET, HEAD, OPTIONS");
  expect_problem(get("/unknown", "OPTIONS"), problem_code::unknown_route, 404);
}

TEST(Request, TakesContentTypesThatMayBeJson) {
  auto r = good_write();
  for (const auto* type :
       {"application/json", "application/json; charset=utf-8", "Application/JSON;charset=UTF-8",
        "application/merge-patch+json", "application/x-www-form-urlencoded", "", " \t",
        " application/json ", "text/plain", "text/plain;charset=UTF-8", "TEXT/Plain", "text/json",
        "model/gltf+json"}) {
    r.head = {{"Content-Type", type}};
    EXPECT_TRUE(std::holds_alternative<write_request>(parse(r))) << type;
  }
}

TEST(Request, RefusesOtherContentTypes) {
  auto r = good_write();
  for (const auto* type :
       {"text/html", "multipart/form-data; boundary=x", "application/xml", "text/plainer",
        "application/jsonp", "application/", "+json", "json", "application/octet-stream"}) {
    r.head = {{"content-type", type}};
    expect_problem(r, problem_code::unsupported_media_type, 415);
  }
}

TEST(Request, LooksAtEachContentType) {
  auto r = good_write();
  r.head = {{"Content-Type", "application/json"}, {"Content-Type", "image/png"}};
  expect_problem(r, problem_code::unsupported_media_type, 415);
}

TEST(Request, RefusesContentEncodings) {
  auto r = good_write();
  for (const auto* coding : {"gzip", "identity, gzip", "gzip, identity", "br", "identity gzip"}) {
    r.head = {{"Content-Encoding", coding}};
    expect_problem(r, problem_code::unsupported_encoding, 415);
  }
  r.head = {{"Content-Encoding", "identity"}, {"content-encoding", "deflate"}};
  expect_problem(r, problem_code::unsupported_encoding, 415);
}

TEST(Request, TakesABodyThatIsEncodedAsItIs) {
  auto r = good_write();
  for (const auto* coding : {"identity", "Identity", "", " identity , identity"}) {
    r.head = {{"Content-Encoding", coding}};
    EXPECT_TRUE(std::holds_alternative<write_request>(parse(r))) << coding;
  }
}

TEST(Request, RefusesConditionsOfWritesOnly) {
  for (const auto* name : {"If-Match", "If-None-Match", "If-Unmodified-Since"}) {
    auto write = good_write();
    write.head = {{name, "*"}};
    expect_problem(write, problem_code::unsupported_condition, 412);
    auto read = get("/counters/a");
    read.head = write.head;
    EXPECT_TRUE(std::holds_alternative<read_request>(parse(read))) << name;
    auto options = get("/counters/a", "OPTIONS");
    options.head = write.head;
    EXPECT_TRUE(std::holds_alternative<options_request>(parse(options))) << name;
  }
}

TEST(Request, LooksAtConditionsLast) {
  const fields head{{"If-Match", "*"}};
  auto r = get("/nowhere", "PUT");
  r.head = head;
  expect_problem(r, problem_code::unknown_route, 404);
  r = get("/counters/a", "DELETE");
  r.head = head;
  expect_problem(r, problem_code::method_not_allowed, 405);
  r = good_write();
  r.head = {{"If-Match", "*"}, {"Content-Type", "image/png"}};
  expect_problem(r, problem_code::unsupported_media_type, 415);
}

TEST(Request, LetsNoWebPageWrite) {
  auto r = good_write();
  for (const auto* origin : {"https://example.org", "null", ""}) {
    r.head = {{"Origin", origin}};
    expect_problem(r, problem_code::forbidden_origin, 403);
  }
  auto read = get("/counters/a");
  read.head = {{"Origin", "https://example.org"}};
  EXPECT_TRUE(std::holds_alternative<read_request>(parse(read)));
}

TEST(Request, RefusesABodyBeyondTheLimit) {
  auto r = good_write();
  std::string body{r.body};
  body.resize(64, ' ');
  r.body = body;
  EXPECT_TRUE(std::holds_alternative<write_request>(parse(r)));
  body.push_back(' ');
  r.body = body;
  expect_problem(r, problem_code::body_too_large, 413);
}

TEST(Request, PassesOnWhatIsWrongWithTheBody) {
  auto r = good_write();
  r.body = "{";
  expect_problem(r, problem_code::malformed_json, 400);
  r.body = R"({"increment": 0})";
  expect_problem(r, problem_code::out_of_range, 422);
}

TEST(Request, IgnoresTheBodyOfARead) {
  auto r = get("/counters/a");
  r.body = "not JSON";
  r.head = {{"Content-Type", "image/png"}};
  EXPECT_TRUE(std::holds_alternative<read_request>(parse(r)));
}

} // namespace
} // namespace starling::http
