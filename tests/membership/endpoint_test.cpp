#include "membership/endpoint.hpp"

#include <gtest/gtest.h>

#include <string>

namespace starling::membership {

TEST(Endpoint, ReadsNamesAndAddresses) {
  EXPECT_EQ(parse_endpoint("node-0:9080"), (endpoint{"node-0", 9080}));
  EXPECT_EQ(parse_endpoint("a_b.example.org:1"), (endpoint{"a_b.example.org", 1}));
  EXPECT_EQ(parse_endpoint("127.0.0.1:65535"), (endpoint{"127.0.0.1", 65535}));
  EXPECT_EQ(parse_endpoint("[::1]:8080"), (endpoint{"::1", 8080}));
  EXPECT_EQ(parse_endpoint("[::ffff:10.0.0.1]:80"), (endpoint{"::ffff:10.0.0.1", 80}));
}

TEST(Endpoint, RefusesWhatIsNotHostAndPort) {
  for (const char* text :
       {"",           ":",       "a",       "a:",    ":1",         "a:0",
        "a:01",       "a:65536", "a:-1",    "a:+1",  "a:1 ",       " a:1",
        "a b:1",      "a:1x",    "::1:80",  "[::1]", "[::1]:",     "[]:1",
        "[a]:1",      "[::1:80", "::1]:80", "a/b:1", "http://a:1", "a:99999999999999999999",
        "\xc3\xa4:1", "[1:2]:3"})
    EXPECT_FALSE(parse_endpoint(text)) << text;
  EXPECT_TRUE(parse_endpoint(std::string(253, 'a') + ":1"));
  EXPECT_FALSE(parse_endpoint(std::string(254, 'a') + ":1"));
}

TEST(Endpoint, KnowsWhatOnlyThisMachineCanReach) {
  for (const char* text : {"127.0.0.1:1", "127.9.9.9:1", "localhost:1", "[::1]:1"})
    EXPECT_TRUE(is_loopback(*parse_endpoint(text))) << text;
  for (const char* text : {"0.0.0.0:1", "[::]:1", "128.0.0.1:1", "node-0:1", "127.example.org:1",
                           "127.0.0.1.example.org:1", "[::2]:1"})
    EXPECT_FALSE(is_loopback(*parse_endpoint(text))) << text;
}

TEST(Endpoint, KnowsWhatMeansEveryAddress) {
  for (const char* text : {"0.0.0.0:1", "[::]:1", "[0:0:0:0:0:0:0:0]:1"})
    EXPECT_TRUE(is_wildcard(*parse_endpoint(text))) << text;
  for (const char* text : {"127.0.0.1:1", "[::1]:1", "node-0:1", "0.0.0.1:1"})
    EXPECT_FALSE(is_wildcard(*parse_endpoint(text))) << text;
}

} // namespace starling::membership
