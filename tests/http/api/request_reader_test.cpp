#include "http/api/request_reader.hpp"

#include <gtest/gtest.h>

#include <tuple>

namespace starling::http {
namespace {

using progress = request_reader::progress;

progress read(request_reader& reader, std::string_view bytes) {
  return std::get<progress>(reader.read(bytes));
}

const std::string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";
const std::string post = "POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\n\r\nabc";

TEST(RequestReader, SaysHowFarARequestHasCome) {
  request_reader reader{1000};

  EXPECT_EQ(read(reader, ""), progress::nothing);
  EXPECT_EQ(read(reader, "\r\n"), progress::nothing);
  EXPECT_EQ(read(reader, post.substr(0, 10)), progress::in_head);
  EXPECT_EQ(reader.cut_short().code, problem_code::bad_request);
  EXPECT_EQ(read(reader, post.substr(10, post.size() - 12)), progress::in_body);
  EXPECT_EQ(reader.cut_short().detail, "the body is shorter than Content-Length");
  EXPECT_EQ(read(reader, "bc"), progress::whole);
  EXPECT_EQ(reader.asked().target, "/b");
  EXPECT_EQ(reader.body(), "abc");
}

TEST(RequestReader, FindsTheSameRequestsHoweverTheirBytesCome) {
  const auto all = get + post + "\r\n" +
                   "PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "2\r\nxy\r\n0\r\n\r\n" +
                   get;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{5}, std::size_t{50}, all.size()}) {
    request_reader reader{1000};
    std::string found;
    for (std::size_t i = 0; i < all.size(); i += piece)
      for (auto at = read(reader, std::string_view{all}.substr(i, piece)); at == progress::whole;
           at = read(reader, "")) {
        found += reader.asked().target + reader.body();
        reader.next();
      }
    EXPECT_EQ(found, "/a/babc/cxy/a") << piece;
    EXPECT_EQ(reader.bytes_held(), 0U);
  }
}

TEST(RequestReader, PassesOnWhatIsRefused) {
  request_reader reader{2};
  EXPECT_EQ(std::get<problem>(reader.read(post)).code, problem_code::body_too_large);
  request_reader other{2};
  EXPECT_EQ(std::get<problem>(other.read("x\n")).code, problem_code::bad_request);
}

TEST(RequestReader, TellsOnceThatTheClientWaitsToSendABody) {
  const std::string head = "POST /b HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n";
  request_reader reader{1000};
  EXPECT_EQ(read(reader, head + "Content-Length: 3\r\n\r\n"), progress::in_body);
  EXPECT_TRUE(reader.takes_expectation());
  EXPECT_FALSE(reader.takes_expectation());

  for (const auto* rest : {"Content-Length: 3\r\n\r\na", "Content-Length: 3\r\n\r\nabc",
                           "Content-Length: 0\r\n\r\n", "\r\n"}) {
    request_reader hasty{1000};
    std::ignore = hasty.read(head + rest);
    EXPECT_FALSE(hasty.takes_expectation()) << rest;
  }
}

TEST(RequestReader, CountsWhatItHolds) {
  request_reader reader{1000};
  read(reader, "POST /b HTTP/1.1\r\n");
  EXPECT_EQ(reader.bytes_held(), 18U);
  read(reader, "Host: h\r\nContent-Length: 500\r\n\r\n" + std::string(400, 'x'));
  EXPECT_EQ(reader.bytes_held(), 400U);
  read(reader, std::string(100, 'x') + get);
  EXPECT_EQ(reader.bytes_held(), 500U + get.size());
  reader.next();
  EXPECT_EQ(reader.bytes_held(), get.size());
}

} // namespace
} // namespace starling::http
