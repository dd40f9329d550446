// What strangers send, wrong in every way that the API names and in some that it does not: each is
// told so, and changes nothing.

#include "tests/e2e/cluster.hpp"
#include "tests/e2e/eventually.hpp"
#include "wire/envelope.hpp"

#include <cstdio>
#include <fstream>
#include <random>

namespace starling::e2e {
namespace {

const httplib::Headers as_json{{"Content-Type", "application/json"}};

struct bad_request {
  std::string method;
  std::string target;
  std::string body;
  int status;
  std::string code;
  httplib::Headers headers = as_json;
};

/// One node with a value of each type.
class BadInput : public testing::Test {
protected:
  void SetUp() override {
    nodes_[0].set_flag("--http.max-body=200000");
    ASSERT_TRUE(nodes_.start());
    EXPECT_EQ(http().post("/counters/visitors", R"({"increment": 5})").status, 200);
    EXPECT_EQ(http().put("/registers/config", R"({"value": 1.50})").status, 200);
    EXPECT_EQ(http().post("/sets/fruits", R"({"add": ["apple", "banana"]})").status, 200);
    EXPECT_EQ(http().post("/sets/basket", R"({"add": ["apple"]})").status, 200);
    before_ = state();
  }

  void TearDown() override { EXPECT_EQ(state(), before_) << "something has changed"; }

  client http() { return nodes_[0].http(); }
  std::uint16_t http_port() { return nodes_[0].http_port().number(); }
  std::uint16_t peer_port() { return nodes_[0].peer_port().number(); }

  /// All that the node holds, as clients see it.
  std::string state() {
    std::string result;
    for (const auto* target :
         {"/counters/visitors", "/registers/config", "/sets/fruits", "/sets/basket"})
      result += http().get(target).body;
    const auto metrics = http().get("/metrics").body;
    const auto at = metrics.find("\nstarling_keys ");
    result += metrics.substr(at, metrics.find('\n', at + 1) - at);
    return result;
  }

  void expect_refused(const bad_request& r) {
    SCOPED_TRACE(r.method + " " + r.target.substr(0, 80) + " " + r.body.substr(0, 80));
    const auto got = http().send(r.method, r.target, r.body, r.headers);
    EXPECT_EQ(got.status, r.status) << got.body;
    EXPECT_EQ(got.header("Content-Type"), "application/problem+json");
    EXPECT_EQ(got.member("code"), r.code) << got.body;
    EXPECT_EQ(got.member("status"), std::to_string(r.status));
    EXPECT_EQ(got.member("type"), "urn:starling:problem:" + r.code);
    EXPECT_NE(got.member("title"), "");
    EXPECT_NE(got.member("detail"), "");
    EXPECT_EQ(state(), before_) << "a refused request changed something";
  }

  void expect_refused(const std::vector<bad_request>& all) {
    for (const auto& one : all)
      expect_refused(one);
  }

  /// The first line of what comes back for some bytes, without what follows the status.
  static std::string status_line(std::uint16_t port, const std::string& bytes) {
    return raw_exchange(port, bytes).substr(0, std::string_view{"HTTP/1.1 200"}.size());
  }

  cluster nodes_{1};
  std::string before_;
};

TEST_F(BadInput, StateIsWhatWasWritten) {
  EXPECT_NE(before_.find("{\"value\": 1.50}"), std::string::npos) << before_;
  EXPECT_NE(before_.find("\nstarling_keys 4"), std::string::npos) << before_;
}

TEST_F(BadInput, BodiesThatAreNotAnObjectGet400) {
  expect_refused({
      {"POST", "/counters/visitors", "", 400, "empty-body"},
      {"POST", "/counters/visitors", " \n", 400, "empty-body"},
      {"POST", "/counters/visitors", "{", 400, "malformed-json"},
      {"POST", "/counters/visitors", R"({"increment": 1} {})", 400, "malformed-json"},
      {"POST", "/counters/visitors", R"({"increment": 01})", 400, "malformed-json"},
      {"POST", "/counters/visitors", "increment=1", 400, "malformed-json"},
      {"PUT", "/registers/config", "{\"value\": \"\xff\"}", 400, "malformed-json"},
      {"PUT", "/registers/config", R"({"value": "\ud800"})", 400, "malformed-json"},
      {"PUT", "/registers/config", R"({"value": NaN})", 400, "malformed-json"},
      {"PUT", "/registers/config",
       R"({"value": )" + std::string(1000, '[') + std::string(1000, ']') + "}", 400,
       "malformed-json"},
      {"PUT", "/registers/config", R"("dark-mode")", 400, "not-an-object"},
      {"POST", "/sets/fruits", R"(["cherry"])", 400, "not-an-object"},
      {"POST", "/sets/fruits", "null", 400, "not-an-object"},
  });
}

TEST_F(BadInput, PathsThatCannotBeDecodedGet400) {
  const std::string body = R"({"increment": 1})";
  expect_refused({
      {"POST", "/counters/%zz", body, 400, "bad-target"},
      {"POST", "/counters/%", body, 400, "bad-target"},
      {"POST", "/counters/a%f", body, 400, "bad-target"},
      {"POST", "/counters/%ff", body, 400, "bad-target"},
      {"POST", "/counters/%c0%af", body, 400, "bad-target"},
      {"POST", "/counters/", body, 400, "bad-key"},
      {"POST", "/counters/" + std::string(1025, 'k'), body, 400, "bad-key"},
      {"GET", "/counters/%E0%80", "", 400, "bad-target", {}},
  });
}

TEST_F(BadInput, QueriesThatMakeNoSenseGet400) {
  const std::string body = R"({"increment": 1})";
  expect_refused({
      {"POST", "/counters/visitors?dry-run=1", body, 400, "bad-query"},
      {"GET", "/counters/visitors?limit=1", "", 400, "bad-query", {}},
      {"GET", "/sets/fruits?limit=0", "", 400, "bad-query", {}},
      {"GET", "/sets/fruits?limit=10001", "", 400, "bad-query", {}},
      {"GET", "/sets/fruits?limit=1&limit=1", "", 400, "bad-query", {}},
      {"GET", "/sets/fruits?after=%ff", "", 400, "bad-query", {}},
      {"GET", "/sets/fruits?after", "", 400, "bad-query", {}},
      {"GET", "/sets/fruits/members/apple?limit=1", "", 400, "bad-query", {}},
      {"GET", "/keys?type=sets", "", 400, "bad-query", {}},
      {"GET", "/keys?after=fruits", "", 400, "bad-query", {}},
      {"GET", "/keys?name=fruits", "", 400, "bad-query", {}},
      {"GET", "/cluster?verbose=1", "", 400, "bad-query", {}},
      {"GET", "/healthz?verbose", "", 400, "bad-query", {}},
  });
}

TEST_F(BadInput, UnknownRoutesAndKeysGet404) {
  expect_refused({
      {"GET", "/favicon.ico", "", 404, "unknown-route", {}},
      {"GET", "/counters", "", 404, "unknown-route", {}},
      {"GET", "/counters/visitors/", "", 404, "unknown-route", {}},
      {"GET", "/counter/visitors", "", 404, "unknown-route", {}},
      {"POST", "/counters/a/b", R"({"increment": 1})", 404, "unknown-route"},
      {"GET", "/counters/nobody", "", 404, "unknown-key", {}},
      {"GET", "/registers/nobody", "", 404, "unknown-key", {}},
      {"GET", "/sets/nobody", "", 404, "unknown-key", {}},
      {"GET", "/sets/visitors", "", 404, "unknown-key", {}}, // a counter has that name
      {"GET", "/sets/nobody?limit=1", "", 404, "unknown-key", {}},
      {"GET", "/sets/nobody/members/apple", "", 404, "unknown-key", {}},
      {"GET", "/sets/fruits/members", "", 404, "unknown-route", {}},
  });
}

TEST_F(BadInput, OtherMethodsGet405WithAllow) {
  const std::string body = R"({"increment": 1})";
  const std::vector<bad_request> cases{
      {"PUT", "/counters/visitors", body, 405, "method-not-allowed"},
      {"DELETE", "/counters/visitors", "", 405, "method-not-allowed", {}},
      {"PATCH", "/counters/visitors", body, 405, "method-not-allowed"},
      {"POST", "/registers/config", R"({"value": 2})", 405, "method-not-allowed"},
      {"PUT", "/sets/fruits", R"({"add": ["x"]})", 405, "method-not-allowed"},
      {"DELETE", "/sets/fruits", "", 405, "method-not-allowed", {}},
      {"POST", "/cluster", "{}", 405, "method-not-allowed"},
      {"PUT", "/metrics", "{}", 405, "method-not-allowed"},
      {"POST", "/keys", "{}", 405, "method-not-allowed"},
      {"PUT", "/sets/fruits/members/fig", "", 405, "method-not-allowed", {}},
      {"DELETE", "/sets/fruits/members/apple", "", 405, "method-not-allowed", {}},
  };
  expect_refused(cases);

  const auto allow_of = [&](const char* method, const char* target) {
    return http().send(method, target, "{}", as_json).header("Allow");
  };
  EXPECT_EQ(allow_of("PUT", "/counters/visitors"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(allow_of("POST", "/registers/config"), "GET, HEAD, PUT, OPTIONS");
  EXPECT_EQ(allow_of("DELETE", "/sets/fruits"), "GET, HEAD, POST, OPTIONS");
  EXPECT_EQ(allow_of("POST", "/cluster"), "GET, HEAD, OPTIONS");
}

TEST_F(BadInput, BodiesBeyondTheLimitGet413) {
  const auto large = R"({"value": ")" + std::string(200'001, 'x') + "\"}";
  expect_refused(bad_request{"PUT", "/registers/config", large, 413, "body-too-large"});
  expect_refused(bad_request{"PUT",
                             "/registers/config",
                             large,
                             413,
                             "body-too-large",
                             {{"Content-Type", "application/x-www-form-urlencoded"}}});
}

TEST_F(BadInput, ChunkedBodiesBeyondTheLimitGet413) {
  std::string chunks = "PUT /registers/config HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                       "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 30; ++i)
    chunks += "2710\r\n" + std::string(10'000, ' ') + "\r\n";
  EXPECT_EQ(status_line(http_port(), chunks + "0\r\n\r\n"), "HTTP/1.1 413");
}

TEST_F(BadInput, OtherMediaTypesGet415) {
  const std::string body = R"({"increment": 1})";
  expect_refused({
      {"POST",
       "/counters/visitors",
       body,
       415,
       "unsupported-media-type",
       {{"Content-Type", "text/html"}}},
      {"POST",
       "/counters/visitors",
       body,
       415,
       "unsupported-media-type",
       {{"Content-Type", "multipart/form-data; boundary=x"}}},
      {"POST",
       "/counters/visitors",
       body,
       415,
       "unsupported-encoding",
       {{"Content-Type", "application/json"}, {"Content-Encoding", "gzip"}}},
  });
}

TEST_F(BadInput, ConditionsThatNobodyWouldCheckAreRefused) {
  const auto with = [](const char* name, const char* value) {
    auto headers = as_json;
    headers.emplace(name, value);
    return headers;
  };
  for (const auto* name : {"If-Match", "If-None-Match", "If-Unmodified-Since"})
    expect_refused({
        {"PUT", "/registers/config", R"({"value": 2})", 412, "unsupported-condition",
         with(name, "*")},
        {"POST", "/counters/visitors", R"({"increment": 1})", 412, "unsupported-condition",
         with(name, "\"nope\"")},
        {"POST", "/sets/fruits", R"({"add": ["x"]})", 412, "unsupported-condition",
         with(name, "Thu, 01 Jan 1970 00:00:00 GMT")},
    });
  expect_refused({
      {"POST", "/counters/visitors", R"({"increment": 1})", 400, "unsupported-header",
       with("Idempotency-Key", "\"1\"")},
      {"PUT", "/registers/config", R"({"value": 2})", 400, "unsupported-header",
       with("Content-Range", "bytes 0-11/24")},
      {"POST", "/counters/visitors", R"({"increment": 1})", 400, "unsupported-header",
       with("X-HTTP-Method-Override", "DELETE")},
  });
  EXPECT_EQ(http().send("GET", "/registers/config", "", {{"If-None-Match", "*"}}).status, 200);
}

TEST_F(BadInput, CountersRefuseWhatTheyCannotAdd) {
  const std::string target = "/counters/visitors";
  expect_refused({
      {"POST", target, "{}", 422, "missing-member"},
      {"POST", target, R"({"incremet": 1})", 422, "unknown-member"},
      {"POST", target, R"({"increment": 1, "note": 1})", 422, "unknown-member"},
      {"POST", target, R"({"increment": 1, "increment": 1})", 422, "duplicate-member"},
      {"POST", target, R"({"increment": 1, "decrement": 1})", 422, "conflicting-members"},
      {"POST", target, R"({"increment": "one"})", 422, "wrong-type"},
      {"POST", target, R"({"increment": "01"})", 422, "wrong-type"},
      {"POST", target, R"({"increment": 1.0})", 422, "wrong-type"},
      {"POST", target, R"({"increment": 1e3})", 422, "wrong-type"},
      {"POST", target, R"({"increment": null})", 422, "wrong-type"},
      {"POST", target, R"({"increment": 0})", 422, "out-of-range"},
      {"POST", target, R"({"increment": -1})", 422, "out-of-range"},
      {"POST", target, R"({"decrement": 9223372036854775808})", 422, "out-of-range"},
      {"POST", target, R"({"increment": 9223372036854775807})", 422, "counter-range"},
  });
}

TEST_F(BadInput, RegistersRefuseWhatIsNoValue) {
  expect_refused({
      {"PUT", "/registers/config", "{}", 422, "missing-member"},
      {"PUT", "/registers/config", R"({"Value": 1})", 422, "unknown-member"},
      {"PUT", "/registers/config", R"({"value": 1, "ttl": 1})", 422, "unknown-member"},
      {"PUT", "/registers/config", R"({"value": 1, "val\u0075e": 2})", 422, "duplicate-member"},
  });
}

TEST_F(BadInput, SetsRefuseWhatIsNoChange) {
  const std::string target = "/sets/fruits";
  const std::string long_member(64 * 1024 + 1, 'x');
  expect_refused({
      {"POST", target, "{}", 422, "missing-member"},
      {"POST", target, R"({"contexts": {}})", 422, "missing-member"},
      {"POST", target, R"({"add": ["x"], "clear": true})", 422, "unknown-member"},
      {"POST", target, R"({"add": ["x"], "add": ["y"]})", 422, "duplicate-member"},
      {"POST", target, R"({"add": "x"})", 422, "wrong-type"},
      {"POST", target, R"({"add": ["x", 1]})", 422, "wrong-type"},
      {"POST", target, R"({"add": ["x"], "remove": {"apple": 1}})", 422, "wrong-type"},
      {"POST", target, R"({"add": ["x"], "contexts": ["y"]})", 422, "wrong-type"},
      {"POST", target, R"({"add": ["x", ")" + long_member + "\"]}", 422, "element-too-large"},
      {"POST", target, R"({"add": ["x", "apple"], "remove": ["apple"]})", 422, "added-and-removed"},
  });
}

TEST_F(BadInput, ContextsOpenOnlyForTheirKeyAndMember) {
  const auto apple = http().context("/sets/fruits", "apple");
  const auto banana = http().context("/sets/fruits", "banana");
  const auto other_key = http().context("/sets/basket", "apple");
  auto forged = apple;
  forged[forged.size() / 2] = forged[forged.size() / 2] == 'A' ? 'B' : 'A';
  const auto remove_apple = [](const std::string& context) {
    return R"({"add": ["x"], "remove": ["apple"], "contexts": {"apple": ")" + context + "\"}}";
  };

  for (const auto& wrong : {banana, other_key, forged, apple.substr(0, apple.size() - 4),
                            apple + "AAAA", std::string{"????"}, std::string{}})
    expect_refused(
        bad_request{"POST", "/sets/fruits", remove_apple(wrong), 422, "invalid-context"});
  expect_refused({
      {"POST", "/sets/fruits", R"({"remove": ["apple"], "contexts": {"apple": 1}})", 422,
       "wrong-type"},
  });
}

TEST_F(BadInput, WebPagesMayNotWrite) {
  auto headers = as_json;
  headers.emplace("Origin", "http://localhost:3000");
  expect_refused(bad_request{"POST", "/counters/visitors", R"({"increment": 1})", 403,
                             "forbidden-origin", headers});

  EXPECT_EQ(http().send("GET", "/counters/visitors", "", headers).status, 200);
}

TEST_F(BadInput, ReadingUnknownKeysCreatesNothing) {
  for (int i = 0; i < 20; ++i)
    for (const auto* type : {"counters", "registers", "sets"})
      EXPECT_EQ(http().get("/" + std::string{type} + "/k" + std::to_string(i)).status, 404);
  // TearDown finds as many keys as before.
}

TEST_F(BadInput, HeadAndOptionsAnswerWithoutABody) {
  const auto head = http().send("HEAD", "/counters/visitors");
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.body, "");
  EXPECT_EQ(head.header("Content-Length"),
            http().get("/counters/visitors").header("Content-Length"));
  EXPECT_EQ(http().send("HEAD", "/counters/nobody").status, 404);

  const auto options = http().send("OPTIONS", "/sets/fruits");
  EXPECT_EQ(options.status, 204);
  EXPECT_EQ(options.body, "");
  EXPECT_EQ(options.header("Allow"), "GET, HEAD, POST, OPTIONS");
}

// --- curl ------------------------------------------------------------------------------------

/// The status, the content type and the code that `curl` gets.
std::string curl(std::uint16_t port, const std::string& target, const std::string& arguments) {
  const auto got =
      run_in_shell("curl -sS --max-time 10 -w '\\n%{http_code} %{content_type}' " + arguments +
                   " 'http://localhost:" + std::to_string(port) + target + "'");
  return got.output;
}

TEST_F(BadInput, CurlWithoutABodyIsToldSoAtOnce) {
  const auto begin = std::chrono::steady_clock::now();
  const auto got = curl(http_port(), "/counters/visitors", "-X POST");
  EXPECT_NE(got.find("\"empty-body\""), std::string::npos) << got;
  EXPECT_NE(got.find("\n400 application/problem+json"), std::string::npos) << got;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{3});
}

TEST_F(BadInput, CurlMayCallJsonAForm) {
  const auto got = curl(http_port(), "/counters/visitors", R"(-d '{"increment": 1}')");
  EXPECT_EQ(got, "{\"value\": 6}\n\n200 application/json; charset=utf-8");
  const auto back = curl(http_port(), "/counters/visitors", R"(-d '{"decrement": 1}')");
  EXPECT_EQ(back, "{\"value\": 5}\n\n200 application/json; charset=utf-8");
}

TEST_F(BadInput, CurlMaySendJsonAsPlainTextWithAmountsAsText) {
  const std::string as_text = "-H 'Content-Type: text/plain;charset=UTF-8' -d ";
  EXPECT_EQ(curl(http_port(), "/counters/visitors?number=string",
                 as_text + R"('{"increment": "9007199254740993"}')"),
            "{\"value\": \"9007199254740998\"}\n\n200 application/json; charset=utf-8");
  EXPECT_EQ(
      curl(http_port(), "/counters/visitors", as_text + R"('{"decrement": "9007199254740993"}')"),
      "{\"value\": 5}\n\n200 application/json; charset=utf-8");
}

TEST_F(BadInput, CurlThatSendsAFormIsShownWhatIsWanted) {
  const auto got = curl(http_port(), "/counters/visitors", "-d increment=5");
  EXPECT_NE(got.find(R"(send a JSON object, such as {\"increment\": 5})"), std::string::npos)
      << got;
}

TEST_F(BadInput, CurlSendsLargeBodiesWhole) {
  const auto path = testing::TempDir() + "starling_body_" + std::to_string(getpid());
  const auto write = [&](std::size_t size) {
    std::ofstream{path} << R"({"value": ")" << std::string(size, 'x') << "\"}";
  };
  write(100'000);
  const auto got = curl(http_port(), "/registers/config", "-X PUT -d @" + path);
  EXPECT_NE(got.find("\n200 "), std::string::npos) << got.substr(0, 200);
  EXPECT_EQ(http().shown("/registers/config").size(), 100'002U);
  EXPECT_EQ(http().put("/registers/config", R"({"value": 1.50})").status, 200);

  write(3'000'000); // curl asks first whether it may
  const auto refused = curl(http_port(), "/registers/config", "-X PUT -d @" + path);
  std::remove(path.c_str());
  EXPECT_NE(refused.find("\n413 "), std::string::npos) << refused.substr(0, 200);
}

// --- bytes -----------------------------------------------------------------------------------

std::string random_bytes(std::size_t size, std::uint32_t seed) {
  std::mt19937 random{seed};
  std::string result;
  for (std::size_t i = 0; i < size; ++i)
    result.push_back(static_cast<char>(random()));
  return result;
}

std::vector<std::string> garbage() {
  return {
      random_bytes(1, 1),
      random_bytes(100, 2),
      random_bytes(100'000, 3),
      random_bytes(3000, 4) + "\r\n\r\n",
      "\r\n\r\n",
      "GET\r\n\r\n",
      "GET / HTTP/9.9\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(1'000'000, 'x') + "\r\n\r\n",
      "GET /" + std::string(1'000'000, 'x') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
      std::string(1'000'000, 'x'), // a line without an end
      "POST /counters/visitors HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"increment\": 1}", // cut
      "POST /counters/visitors HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: -1\r\n\r\n{\"increment\"",
      "POST /counters/visitors HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nContent-Length: 99999999999999999999\r\n\r\n{",
      "POST /counters/visitors HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
      "POST /counters/visitors HTTP/1.1\r\nHost: localhost\r\n"
      "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n{",
      "POST /cluster/gossip HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n",
      "POST /cluster/sync HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nfff",
  };
}

TEST_F(BadInput, GarbageHarmsNeitherPort) {
  for (const auto port : {http_port(), peer_port()})
    for (const auto& bytes : garbage()) {
      SCOPED_TRACE(testing::PrintToString(bytes.substr(0, 60)));
      const raw_connection connection{port};
      ASSERT_TRUE(connection.is_open());
      connection.send(bytes);
      connection.finish();
      const auto reply = connection.receive(std::chrono::milliseconds{100});
      EXPECT_TRUE(reply.empty() || reply.starts_with("HTTP/1.1 4") ||
                  reply.starts_with("HTTP/1.1 5"))
          << reply;
      ASSERT_TRUE(nodes_[0].is_running());
      ASSERT_EQ(state(), before_);
    }
}

TEST_F(BadInput, RequestsThatAreNoHttpGet400) {
  EXPECT_EQ(status_line(http_port(), "nonsense\r\n\r\n"), "HTTP/1.1 400");
  EXPECT_EQ(status_line(http_port(), "GET\r\n\r\n"), "HTTP/1.1 400");
}

TEST_F(BadInput, MalformedHeadsAreRefusedAtBothPortsAndWriteNothing) {
  const std::string body = R"({"increment": 1})";
  const auto request = [&](const std::string& first_line, const std::string& fields) {
    return first_line + "\r\nHost: localhost\r\n" + fields + "\r\n" + body;
  };
  const std::string post = "POST /counters/visitors HTTP/1.1";
  const std::string length = "Content-Length: 16\r\n";
  const std::pair<std::string, std::string> cases[] = {
      {request(post, "Content-Length : 16\r\n"), "400"},
      {request(post, "Content-Length:\r\n 16\r\n"), "400"},
      {request(post, "Content-Length: %31%36\r\n"), "400"},
      {request(post, "X: y\nContent-Length: 16\r\n"), "400"},
      {request(post, "Host: other\r\n" + length), "400"},
      {request(post, length + length), "400"},
      {request("POST /counters/visitors#fragment HTTP/1.1", length), "400"},
      {request("POST /counters/visitors HTTP/1.1 ", length), "400"},
      {request(post, "Expect: tea\r\n" + length), "417"},
      {request("INCREMENT /counters/visitors HTTP/1.1", length), "501"},
      {request("POST /counters/visitors HTTP/2.0", length), "505"},
      {request(post, "X: " + std::string(20'000, 'x') + "\r\n" + length), "431"},
      {request("POST /counters/" + std::string(9'000, 'x') + " HTTP/1.1", length), "414"},
  };
  for (const auto port : {http_port(), peer_port()})
    for (const auto& [bytes, status] : cases) {
      const auto reply = raw_exchange(port, bytes);
      EXPECT_EQ(reply.substr(0, 12), "HTTP/1.1 " + status) << bytes.substr(0, 200);
      EXPECT_EQ(reply.find("\nHTTP/1.1 "), std::string::npos) << "two answers: " << reply;
    }
}

TEST_F(BadInput, QueriesAreWhatEncodersOfClientsWrite) {
  EXPECT_EQ(http().get("/sets/fruits?limit=1&after=app+le").member("values"), R"(["apple"])");
  EXPECT_EQ(http().get("/sets/fruits?limit=1&after=who?me").member("values"), "[]");
  EXPECT_EQ(http().get("/keys?prefix=fr%75").member("keys"), R"([{"type":"set","key":"fruits"}])");
}

TEST_F(BadInput, PeersDoorRefusesWhatNoPeerSent) {
  const client peers{peer_port()};
  const wire::secret ours{"starling", ""};
  const wire::secret foreign{"another", ""};
  for (const std::string path : {"/cluster/gossip", "/cluster/sync", "/cluster/leave"}) {
    SCOPED_TRACE(path);
    const auto status = [&](const std::string& body) {
      return peers.send("POST", path, body, {{"Content-Type", "application/octet-stream"}}).status;
    };
    EXPECT_EQ(status("garbage"), 400);
    EXPECT_EQ(status(random_bytes(10'000, 5)), 400);
    EXPECT_EQ(status(wire::seal_request(foreign, path, {1, 2}, "hello")), 403);
    EXPECT_EQ(status(wire::seal_request(ours, "/elsewhere", {1, 2}, "hello")), 403);
    auto altered = wire::seal_request(ours, path, {1, 2}, "hello");
    altered.back() = static_cast<char>(altered.back() ^ 1);
    EXPECT_EQ(status(altered), 403);
    EXPECT_EQ(status(wire::seal_request(ours, path, {1, 2}, "hello")), 400);
    EXPECT_EQ(status(wire::seal_request(ours, path, {1, 2}, random_bytes(10'000, 6))), 400);
    EXPECT_EQ(peers.get(path).status, 405);
  }
  EXPECT_EQ(peers.get("/counters/visitors").status, 405);
  EXPECT_EQ(peers.post("/counters/visitors", R"({"increment": 1})").status, 404);
  EXPECT_EQ(http().post("/cluster/gossip", "{}").status, 404);
}

TEST_F(BadInput, SilentConnectionsHoldUpNoOtherClient) {
  std::vector<std::unique_ptr<raw_connection>> silent;
  for (int i = 0; i < 200; ++i) // more than there are threads
    silent.emplace_back(std::make_unique<raw_connection>(http_port()))->send("GET /heal");

  const auto begin = std::chrono::steady_clock::now();
  EXPECT_EQ(http().get("/healthz").status, 200);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{1});
}

} // namespace
} // namespace starling::e2e
