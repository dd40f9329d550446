#include "http/api/commands.hpp"
#include "http/api/context_token.hpp"
#include "http/api/json_text.hpp"
#include "http/api/reply.hpp"

#include <gmock/gmock.h>

namespace starling::http {
namespace {

using crdt::payload_kind;
using crdt::type;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Pair;

const wire::secret secret{"test", "s3cret"};
const crdt::key counter{type::counter, "visitors"};
const crdt::key register_{type::register_, "config"};
const crdt::key fruits{type::set, "fruits"};
const crdt::version_vector observed{{crdt::replica_id::from(1, 1), 7}};

TEST(Reply, OfACounterIsItsValue) {
  const crdt::view what = crdt::counter_view{{-5, false}};
  EXPECT_EQ(reply_to_read(counter, what, secret).body, "{\"value\": -5}\n");
  EXPECT_EQ(reply_to_write(counter, what, secret).body, "{\"value\": -5}\n");
}

TEST(Reply, OfACounterSaysWhenItIsSaturated) {
  EXPECT_EQ(reply_to_read(counter, crdt::counter_view{{INT64_MAX, true}}, secret).body,
            "{\"value\": 9223372036854775807, \"saturated\": true}\n");
}

TEST(Reply, OfACounterMayBeAString) {
  const crdt::view what = crdt::counter_view{{INT64_MIN, true}};
  const std::string shown{"{\"value\": \"-9223372036854775808\", \"saturated\": true}\n"};
  EXPECT_EQ(reply_to_read(counter, what, secret, {.numbers_as_text = true}).body, shown);
  EXPECT_EQ(reply_to_write(counter, what, secret, {.numbers_as_text = true}).body, shown);
}

TEST(Reply, OfARegisterIsItsValueToTheLetter) {
  const crdt::view what = crdt::register_view{{payload_kind::json, "{\"a\":1.0e400}"}};
  EXPECT_EQ(reply_to_read(register_, what, secret).body, "{\"value\": {\"a\":1.0e400}}\n");
  EXPECT_EQ(reply_to_write(register_, what, secret).body, "{\"value\": {\"a\":1.0e400}}\n");
}

TEST(Reply, OfARegisterWithTextIsAString) {
  EXPECT_EQ(
      reply_to_read(register_, crdt::register_view{{payload_kind::text, "a\"b"}}, secret).body,
      "{\"value\": \"a\\\"b\"}\n");
}

TEST(Reply, OfASetIsItsMembersWithTheirContexts) {
  const crdt::payload apple{payload_kind::text, "apple"};
  const crdt::payload odd{payload_kind::text, "o\"d"};
  const crdt::view what = crdt::set_view{{{apple, observed}, {odd, observed}}, 9};
  const auto contexts = "\"contexts\": {\"apple\": \"" +
                        encode_context(secret, fruits, apple, observed) + "\", \"o\\\"d\": \"" +
                        encode_context(secret, fruits, odd, observed) + "\"}}\n";

  EXPECT_EQ(reply_to_read(fruits, what, secret).body,
            "{\"cardinality\": 9, \"values\": [\"apple\", \"o\\\"d\"], " + contexts);
  EXPECT_EQ(reply_to_write(fruits, what, secret).body, "{\"cardinality\": 9, " + contexts);
}

TEST(Reply, OfASetMayLeaveOutTheContexts) {
  const style bare{.contexts = false};
  const crdt::payload apple{payload_kind::text, "apple"};
  const crdt::set_view set{{{apple, observed}}, 9};

  EXPECT_EQ(reply_to_read(fruits, set, secret, bare).body,
            "{\"cardinality\": 9, \"values\": [\"apple\"]}\n");
  EXPECT_EQ(reply_to_write(fruits, set, secret, bare).body, "{\"cardinality\": 9}\n");
  EXPECT_EQ(reply_to_read(fruits, crdt::page_view{set, "apple"}, secret, bare).body,
            "{\"cardinality\": 9, \"values\": [\"apple\"], \"next\": \"apple\"}\n");
  EXPECT_EQ(reply_to_read(fruits, crdt::member_view{apple, true, observed, 9}, secret, bare).body,
            "{\"cardinality\": 9, \"member\": \"apple\", \"present\": true}\n");
}

TEST(Reply, OfAnEmptySetIsEmpty) {
  EXPECT_EQ(reply_to_read(fruits, crdt::set_view{}, secret).body,
            "{\"cardinality\": 0, \"values\": [], \"contexts\": {}}\n");
  EXPECT_EQ(reply_to_write(fruits, crdt::set_view{}, secret).body,
            "{\"cardinality\": 0, \"contexts\": {}}\n");
}

TEST(Reply, OfAPageOfASetSaysWhereTheNextOneBegins) {
  const crdt::payload odd{payload_kind::text, "o\"d"};
  const crdt::set_view shown{{{odd, observed}}, 9};
  const auto contexts =
      "\"contexts\": {\"o\\\"d\": \"" + encode_context(secret, fruits, odd, observed) + "\"}}\n";

  EXPECT_EQ(reply_to_read(fruits, crdt::page_view{shown, "o\"d"}, secret).body,
            "{\"cardinality\": 9, \"values\": [\"o\\\"d\"], \"next\": \"o\\\"d\", " + contexts);
  EXPECT_EQ(reply_to_read(fruits, crdt::page_view{shown, {}}, secret).body,
            "{\"cardinality\": 9, \"values\": [\"o\\\"d\"], \"next\": null, " + contexts);
  EXPECT_EQ(reply_to_read(fruits, crdt::page_view{{{}, 9}, {}}, secret).body,
            "{\"cardinality\": 9, \"values\": [], \"next\": null, \"contexts\": {}}\n");
}

TEST(Reply, OfAMemberSaysWhetherItIsThereWithAContextThatOpens) {
  const crdt::payload odd{payload_kind::text, "o\"d"};
  for (const auto present : {true, false}) {
    const auto body =
        reply_to_read(fruits, crdt::member_view{odd, present, observed, 9}, secret).body;
    const auto context = encode_context(secret, fruits, odd, observed);
    EXPECT_EQ(body, "{\"cardinality\": 9, \"member\": \"o\\\"d\", \"present\": " +
                        std::string{present ? "true" : "false"} + ", \"context\": \"" + context +
                        "\"}\n");
    EXPECT_EQ(decode_context(secret, fruits, odd, context), observed);
  }
}

TEST(Reply, OfKeysNamesThemWithTheirTypes) {
  const crdt::key odd{type::register_, "o\"d"};

  EXPECT_EQ(reply_with(crdt::key_page{{counter, odd}, true}).body,
            "{\"keys\": [{\"type\": \"counter\", \"key\": \"visitors\"}, "
            "{\"type\": \"register\", \"key\": \"o\\\"d\"}], \"next\": \"register/o\\\"d\"}\n");
  EXPECT_EQ(reply_with(crdt::key_page{}).body, "{\"keys\": [], \"next\": null}\n");
}

TEST(Reply, LeavesOutMembersThatAreNotText) {
  const crdt::view what = crdt::set_view{{{{payload_kind::json, "1"}, observed}}, 1};
  EXPECT_EQ(reply_to_read(fruits, what, secret).body,
            "{\"cardinality\": 1, \"values\": [], \"contexts\": {}}\n");
}

TEST(Reply, GivesContextsThatARequestTakesBack) {
  const crdt::view what = crdt::set_view{{{{payload_kind::text, "apple"}, observed}}};
  const auto body = reply_to_write(fruits, what, secret).body;
  const auto contexts = std::string{members_of(body)->at(1).value};

  const auto command =
      command_of(fruits, R"({"remove": ["apple"], "contexts": )" + contexts + "}", secret);

  const auto& change = std::get<crdt::set_change>(std::get<crdt::command>(command));
  EXPECT_EQ(change.remove.at(0).observed, observed);
}

TEST(Reply, ToAProblemHasItsStatusAndType) {
  const auto reply = reply_with(problem{problem_code::unknown_key, "nobody wrote it", {}});

  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.content_type, "application/problem+json");
  EXPECT_THAT(reply.headers, IsEmpty());
  EXPECT_FALSE(check_json(reply.body));
}

TEST(Reply, ToAWrongMethodNamesTheRightOnes) {
  const auto reply = reply_with(problem{problem_code::method_not_allowed, "", {}, "GET, HEAD"});
  EXPECT_EQ(reply.status, 405);
  EXPECT_THAT(reply.headers, ElementsAre(Pair("Allow", "GET, HEAD")));
}

TEST(Reply, OfANodeThatIsNotReadySaysWhenToRetry) {
  const auto reply = reply_with(problem{problem_code::not_ready, "", {}});
  EXPECT_EQ(reply.status, 503);
  EXPECT_THAT(reply.headers, ElementsAre(Pair("Retry-After", "1")));
}

TEST(Reply, SaysWhenToRetryWhereWaitingHelps) {
  const auto headers = [](problem_code code) { return reply_with(problem{code, "", {}}).headers; };
  for (const auto code : {problem_code::disk_failed, problem_code::being_mended})
    EXPECT_THAT(headers(code), ElementsAre(Pair("Retry-After", "1")));
  EXPECT_THAT(headers(problem_code::disk_full), ElementsAre(Pair("Retry-After", "10")));
  for (const auto code : {problem_code::timed_out, problem_code::internal, problem_code::bad_key})
    EXPECT_THAT(headers(code), IsEmpty()) << name_of(code);
}

TEST(Reply, OfTheIndexNamesTheRoutes) {
  EXPECT_EQ(reply_with_index("1.2", {{"/a/{key}", "GET, PUT"}, {"/b", "GET"}}).body,
            "{\"name\": \"starling\", \"version\": \"1.2\", "
            "\"routes\": {\"/a/{key}\": \"GET, PUT\", \"/b\": \"GET\"}}\n");
}

TEST(Reply, ToOptionsHasNoBody) {
  const auto reply = reply_to_options("GET, HEAD");
  EXPECT_EQ(reply.status, 204);
  EXPECT_EQ(reply.body, "");
  EXPECT_THAT(reply.headers, ElementsAre(Pair("Allow", "GET, HEAD")));
}

TEST(Reply, OfTheClusterShowsThisNodeAndItsPeers) {
  using namespace std::chrono;
  const sys_seconds leap = sys_days{year{2024} / 2 / 29} + hours{1} + minutes{2} + seconds{3};
  const cluster_view cluster{
      .self = {.name = "a",
               .node_id = "0a",
               .replica_id = "1b",
               .replica_state = "asked",
               .http_address = "127.0.0.1:8080",
               .cluster_address = "127.0.0.1:9080",
               .started = leap,
               .state = "left",
               .incarnation = "7.1",
               .health = 3,
               .isolated = true,
               .leaving = true,
               .can = {5, 6, {{"counter", 1}, {"type 77", 2}}}},
      .peers = {{.node_id = "0c",
                 .name = "b",
                 .http_address = "127.0.0.1:8081",
                 .cluster_address = "127.0.0.1:9081",
                 .state = "alive",
                 .incarnation = "8.0",
                 .since = leap,
                 .health = 1,
                 .round_trip = microseconds{12'034},
                 .reason = ""},
                {.node_id = "0d",
                 .name = "c",
                 .http_address = "",
                 .cluster_address = "127.0.0.1:9082",
                 .state = "dead",
                 .incarnation = "9.2",
                 .since = leap,
                 .reason = "no answer",
                 .udp = false,
                 .tcp = false,
                 .can = {5, 5, {{"counter", 1}}}}},
      .all_can = {5, 5, {{"counter", 1}}},
      .refused_by = {{"f:1", "f", "clock", "it is ahead", leap}},
      .refuses = {},
      .unreached_seeds = {"d:1", "e:1"},
      .warnings = {"it is \"alone\""},
      .replication = {.root = "00ff",
                      .keys = 3,
                      .log_entries = 2,
                      .log_bytes = 99,
                      .peers_behind = 1,
                      .values_refused = {{"b", "set", "x"}}},
  };

  const auto reply = reply_with(cluster);

  EXPECT_EQ(reply.body,
            "{\"self\": {\"name\": \"a\", \"node\": \"0a\", \"replica\": \"1b\", "
            "\"replica_state\": \"asked\", "
            "\"http\": \"127.0.0.1:8080\", \"cluster\": \"127.0.0.1:9080\", "
            "\"started\": \"2024-02-29T01:02:03Z\", \"state\": \"left\", "
            "\"incarnation\": \"7.1\", \"health\": 3, \"isolated\": true, "
            "\"leaving\": true, \"protocol\": {\"oldest\": 5, \"newest\": 6}, "
            "\"reads\": {\"counter\": 1, \"type 77\": 2}}, \"peers\": [{\"name\": \"b\", "
            "\"node\": \"0c\", \"http\": \"127.0.0.1:8081\", \"cluster\": \"127.0.0.1:9081\", "
            "\"state\": \"alive\", \"incarnation\": \"8.0\", "
            "\"since\": \"2024-02-29T01:02:03Z\", \"health\": 1, \"round_trip_ms\": 12.034, "
            "\"reason\": null, \"udp\": true, \"tcp\": true, "
            "\"protocol\": {\"oldest\": 0, \"newest\": 0}, \"reads\": {}}, "
            "{\"name\": \"c\", \"node\": \"0d\", "
            "\"http\": \"\", "
            "\"cluster\": \"127.0.0.1:9082\", \"state\": \"dead\", \"incarnation\": \"9.2\", "
            "\"since\": \"2024-02-29T01:02:03Z\", \"health\": 0, \"round_trip_ms\": null, "
            "\"reason\": \"no answer\", \"udp\": false, \"tcp\": false, "
            "\"protocol\": {\"oldest\": 5, \"newest\": 5}, \"reads\": {\"counter\": 1}}], "
            "\"all_members\": {\"protocol\": {\"oldest\": 5, \"newest\": 5}, "
            "\"reads\": {\"counter\": 1}}, "
            "\"unreached_seeds\": [\"d:1\", \"e:1\"], "
            "\"refused_by\": [{\"address\": \"f:1\", \"name\": \"f\", \"reason\": \"clock\", "
            "\"why\": \"it is ahead\", \"since\": \"2024-02-29T01:02:03Z\"}], "
            "\"refuses\": [], "
            "\"warnings\": [\"it is \\\"alone\\\"\"], "
            "\"replication\": {\"root\": \"00ff\", \"keys\": 3, \"log_entries\": 2, \"log_bytes\": "
            "99, \"peers_behind\": 1, \"values_refused\": [{\"peer\": \"b\", "
            "\"type\": \"set\", \"key\": \"x\"}]}}\n");
  EXPECT_FALSE(check_json(reply.body));
}

TEST(Reply, OfAPageHasItsType) {
  EXPECT_EQ(reply_with_status("ok").body, "{\"status\": \"ok\"}\n");
  EXPECT_EQ(reply_with_status("ok", {"one", "two"}).body,
            "{\"status\": \"ok\", \"warnings\": [\"one\", \"two\"]}\n");
  EXPECT_EQ(reply_with_status("ok").content_type, "application/json; charset=utf-8");
  EXPECT_EQ(reply_with_metrics("up 1\n").body, "up 1\n");
  EXPECT_EQ(reply_with_metrics("").content_type, "text/plain; version=0.0.4; charset=utf-8");
}

} // namespace
} // namespace starling::http
