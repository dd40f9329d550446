#include "config/option_table.hpp"
#include "config/option_text.hpp"

#include <caf/init_global_meta_objects.hpp>

#include <gmock/gmock.h>

namespace starling::config {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Optional;

class OptionText : public testing::Test {
protected:
  static void SetUpTestSuite() { caf::core::init_global_meta_objects(); }

  std::string refused(std::string_view name, const std::string& text) {
    const auto complaint = assign(o, name, text);
    EXPECT_TRUE(complaint) << name << " takes " << text;
    return complaint.value_or("");
  }

  void accept(std::string_view name, const std::string& text) {
    EXPECT_EQ(assign(o, name, text), std::nullopt) << name << " does not take " << text;
  }

  options o;
};

TEST_F(OptionText, SetsANumber) {
  accept("http.threads", "8");
  EXPECT_EQ(o.http.threads, 8U);
  for (const auto* text : {"", "many", "8.0", "0x8", " 8", "8 ", "+8", "-1", "1e3"})
    EXPECT_EQ(refused("http.threads", text), "http.threads must be 1 to 4096 threads") << text;
  for (const auto* text : {"0", "4097", "99999999999999999999999"})
    EXPECT_EQ(refused("http.threads", text),
              std::string{"http.threads must be 1 to 4096 threads, not "} + text);
  EXPECT_EQ(o.http.threads, 8U);
}

TEST_F(OptionText, SetsAPeriod) {
  for (const auto& [text, period] :
       {std::pair{"200ms", 200ms}, {"5s", 5'000ms}, {"1min", 60'000ms}, {"1h", 3'600'000ms}}) {
    accept("gossip.interval", text);
    EXPECT_EQ(o.gossip.interval, period);
  }
  for (const auto* text : {"", "5", "soon", "5 apples", "5S"})
    EXPECT_EQ(refused("gossip.interval", text),
              "gossip.interval must be 10ms to 1h, with its unit: ms, s, min or h")
        << text;
  for (const auto* text :
       {"2h", "999999999999999999999s", "-999999999999999999999s", "9223372037s", "10000000000s",
        "2562048h", "1e300h", "1e999ms", "99999999999999999999ns"})
    EXPECT_EQ(refused("gossip.interval", text),
              std::string{"gossip.interval must be 10ms to 1h, not "} + text);
}

TEST_F(OptionText, SetsAPeriodOfMembership) {
  accept("swim.sync-interval", "1min");
  EXPECT_EQ(o.swim.sync_interval, 60s);
}

TEST_F(OptionText, SetsATextAsItIs) {
  for (const auto* text : {"a", "", " a ", "ra\"ck\\1 {x=\"y\"}", "[a]", "5"}) {
    accept("node.name", text);
    EXPECT_EQ(o.node.name, text);
  }
  EXPECT_EQ(refused("http.listen", ":8080"), "http.listen must be host:port");
}

TEST_F(OptionText, SetsAListInEitherForm) {
  for (const auto* text : {"a:1,[::1]:2", " a:1 , [::1]:2 ", R"(["a:1", "[::1]:2"])"}) {
    EXPECT_THAT(list_from(text), Optional(ElementsAre("a:1", "[::1]:2"))) << text;
    accept("cluster.seeds", text);
    EXPECT_THAT(o.cluster.seeds, ElementsAre("a:1", "[::1]:2")) << text;
  }
  accept("cluster.seeds", "a:1");
  EXPECT_THAT(o.cluster.seeds, ElementsAre("a:1"));
  for (const auto* text : {"", "[]", " "}) {
    accept("cluster.seeds", text);
    EXPECT_THAT(o.cluster.seeds, IsEmpty());
  }
  for (const auto* text : {"a:1,", ",a:1", "a:1,,b:2", "[\"a:1\"", "a:1;b:2", "a", "[a:1]x"})
    EXPECT_THAT(refused("cluster.seeds", text),
                testing::HasSubstr(
                    R"(cluster.seeds must be a list of host:port, as a:1,b:2 or ["a:1", "b:2"])"))
        << text;
}

TEST_F(OptionText, TakesAListThatBeginsWithAnAddressInBrackets) {
  accept("cluster.seeds", "[::1]:1,[::1]:2");
  EXPECT_THAT(o.cluster.seeds, ElementsAre("[::1]:1", "[::1]:2"));
}

TEST_F(OptionText, SetsAFlag) {
  accept("storage.in-memory", "true");
  EXPECT_TRUE(o.storage.in_memory);
  accept("storage.in-memory", "false");
  EXPECT_FALSE(o.storage.in_memory);
  for (const auto* text : {"", "1", "yes", "True", "on"})
    EXPECT_EQ(refused("storage.in-memory", text), "storage.in-memory must be true or false");
}

TEST_F(OptionText, IsNotRepeatedInAComplaint) {
  EXPECT_THAT(refused("cluster.key", "hunter2"), testing::Not(testing::HasSubstr("hunter2")));
}

} // namespace
} // namespace starling::config
