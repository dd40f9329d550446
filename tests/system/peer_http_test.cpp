#include "system/peer_http.hpp"
#include "wire/result.hpp"

#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <atomic>
#include <chrono>
#include <fcntl.h>
#include <functional>
#include <future>
#include <netinet/in.h>
#include <stop_token>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>
#include <vector>

namespace starling::system {
namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

class socket_handle {
public:
  explicit socket_handle(int number) : number_(number) {}
  socket_handle(socket_handle&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  socket_handle& operator=(socket_handle&&) = delete;
  ~socket_handle() {
    if (number_ >= 0)
      ::close(number_);
  }

  int number() const { return number_; }

private:
  int number_;
};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in result{};
  result.sin_family = AF_INET;
  result.sin_port = htons(port);
  result.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return result;
}

/// A socket that listens on a port of the system's choice.
class door {
public:
  explicit door(int backlog) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    auto address = loopback(0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::bind(socket_.number(), reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::listen(socket_.number(), backlog), 0);
    EXPECT_EQ(::getsockname(socket_.number(), reinterpret_cast<sockaddr*>(&address), &size), 0);
    port_ = ntohs(address.sin_port);
  }

  int number() const { return socket_.number(); }
  std::uint16_t port() const { return port_; }

private:
  socket_handle socket_;
  std::uint16_t port_ = 0;
};

/// The server's side of a connection.
class connection {
public:
  connection(int number, const std::atomic<bool>& is_over) : socket_(number), is_over_(is_over) {}

  /// Sends some bytes; false once the client is gone or the test is over.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(socket_.number(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0 || is_over_)
        return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// What the client sent so far, at least until `last` was in it.
  std::string receive_until(std::string_view last) {
    std::string result;
    while (result.find(last) == std::string::npos) {
      char buffer[4096];
      const auto size = ::recv(socket_.number(), buffer, sizeof buffer, 0);
      if (size <= 0)
        break;
      result.append(buffer, static_cast<std::size_t>(size));
    }
    return result;
  }

  void wait_for_the_client_to_leave() {
    char buffer[4096];
    while (::recv(socket_.number(), buffer, sizeof buffer, 0) > 0)
      continue;
  }

private:
  socket_handle socket_;
  const std::atomic<bool>& is_over_;
};

/// Serves connections, one after the other, each by its script, in a thread of its own.
class server {
public:
  using script = std::function<void(connection&)>;

  explicit server(script only) : server(std::vector<script>{std::move(only)}) {}

  explicit server(std::vector<script> scripts)
      : thread_([this, scripts = std::move(scripts)] {
          for (const auto& one : scripts)
            serve(one);
        }) {}

  server(const server&) = delete;
  server& operator=(const server&) = delete;

  ~server() {
    is_over_ = true;
    ::shutdown(door_.number(), SHUT_RDWR); // wakes a thread that waits for a connection
    thread_.join();
  }

  membership::endpoint where() const { return {"127.0.0.1", door_.port()}; }

private:
  void serve(const script& by) {
    const auto accepted = ::accept(door_.number(), nullptr, nullptr);
    if (accepted < 0)
      return;
    connection client{accepted, is_over_};
    // Nothing here waits longer than a test may take.
    const timeval limit{.tv_sec = 5, .tv_usec = 0};
    ::setsockopt(accepted, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(accepted, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    by(client);
  }

  std::atomic<bool> is_over_ = false;
  door door_{8};
  std::thread thread_; // last: it uses the others
};

constexpr milliseconds timeout{200};
constexpr milliseconds long_timeout{10'000}; // so that nothing else can end a post in time
constexpr std::size_t answer_bytes_max = 10'000;

/// The failure of a post to such a peer; fails the test unless it comes in time.
std::string failure_of_post_to(const membership::endpoint& peer, milliseconds limit = timeout,
                               const std::stop_token& stop = {}) {
  const auto begin = clock::now();
  const auto outcome = post(peer, "/path", "question", limit, answer_bytes_max, stop);
  EXPECT_LT(clock::now() - begin, std::chrono::seconds{2});
  if (const auto* failure = std::get_if<http_failure>(&outcome)) {
    EXPECT_FALSE(failure->why.empty());
    return failure->why;
  }
  ADD_FAILURE() << "an answer: " << std::get<http_answer>(outcome).status;
  return {};
}

constexpr std::string_view ok_head = "HTTP/1.1 200 OK\r\n";

std::string answer_of(const std::string& body) {
  return std::string{ok_head} + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

TEST(PeerHttp, BringsAnAnswerBack) {
  const std::string any_bytes{"an answer\r\n\r\n\0\xff", 15};
  std::string asked;
  wire::result<http_answer, http_failure> outcome;
  {
    const server peer{[&](connection& client) {
      asked = client.receive_until("question");
      client.send(answer_of(any_bytes));
    }};
    outcome = post(peer.where(), "/cluster/gossip", "question", std::chrono::seconds{2},
                   answer_bytes_max);
  }

  ASSERT_TRUE(std::holds_alternative<http_answer>(outcome)) << std::get<http_failure>(outcome).why;
  EXPECT_EQ(std::get<http_answer>(outcome).status, 200);
  EXPECT_EQ(std::get<http_answer>(outcome).body, any_bytes);
  EXPECT_TRUE(asked.starts_with("POST /cluster/gossip HTTP/1.1\r\n")) << asked;
  EXPECT_NE(asked.find("Content-Type: application/octet-stream"), std::string::npos) << asked;
}

TEST(PeerHttp, BringsStatusAndBodyOfARefusalBack) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
  }};

  const auto outcome =
      post(peer.where(), "/path", "question", std::chrono::seconds{2}, answer_bytes_max);

  ASSERT_TRUE(std::holds_alternative<http_answer>(outcome)) << std::get<http_failure>(outcome).why;
  EXPECT_EQ(std::get<http_answer>(outcome).status, 403);
  EXPECT_EQ(std::get<http_answer>(outcome).body, "no");
}

TEST(PeerHttp, DoesNotFollowRedirections) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n");
  }};

  const auto outcome =
      post(peer.where(), "/path", "question", std::chrono::seconds{2}, answer_bytes_max);

  ASSERT_TRUE(std::holds_alternative<http_answer>(outcome)) << std::get<http_failure>(outcome).why;
  EXPECT_EQ(std::get<http_answer>(outcome).status, 302);
}

TEST(PeerHttp, TakesAnAnswerOfJustTheLargestSize) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send(answer_of(std::string(answer_bytes_max, 'x')));
  }};

  const auto outcome =
      post(peer.where(), "/path", "question", std::chrono::seconds{2}, answer_bytes_max);

  ASSERT_TRUE(std::holds_alternative<http_answer>(outcome)) << std::get<http_failure>(outcome).why;
  EXPECT_EQ(std::get<http_answer>(outcome).body.size(), answer_bytes_max);
}

TEST(PeerHttp, RefusesALargerAnswer) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send(answer_of(std::string(answer_bytes_max + 1, 'x')));
    client.wait_for_the_client_to_leave();
  }};

  EXPECT_EQ(failure_of_post_to(peer.where(), long_timeout), "its answer is too large");
}

TEST(PeerHttp, RefusesAnEndlessBody) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send(std::string{ok_head} + "\r\n");
    while (client.send(std::string(1000, 'x')))
      continue;
  }};

  EXPECT_EQ(failure_of_post_to(peer.where(), long_timeout), "its answer is too large");
}

TEST(PeerHttp, RefusesAChunkedBody) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send(std::string{ok_head} + "Transfer-Encoding: chunked\r\n\r\n");
    while (client.send("64\r\n" + std::string(100, 'x') + "\r\n"))
      continue;
  }};

  EXPECT_EQ(failure_of_post_to(peer.where(), long_timeout), "its answer is no HTTP of ours");
}

TEST(PeerHttp, GivesUpOnAPeerThatRefuses) {
  const auto port = door{1}.port(); // closed again

  failure_of_post_to({"127.0.0.1", port});
}

TEST(PeerHttp, GivesUpOnAPeerThatDoesNotAccept) {
  const door full{0};
  std::vector<socket_handle> waiting; // they fill the queue, so that further ones are dropped
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    const auto address = loopback(full.port());
    ::connect(waiting.back().number(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }

  failure_of_post_to({"127.0.0.1", full.port()});
}

TEST(PeerHttp, DoesNotWaitForTheSystemToRepeatTheFirstPacketOfAConnection) {
  const door full{0};
  std::vector<socket_handle> waiting; // they fill the queue, so that further ones are dropped
  for (int i = 0; i < 4; ++i) {
    waiting.emplace_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
    const auto address = loopback(full.port());
    ::connect(waiting.back().number(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
  }
  auto outcome = std::async(std::launch::async, [&] {
    const auto begin = clock::now();
    static_cast<void>(
        post({"127.0.0.1", full.port()}, "/path", "question", milliseconds{900}, answer_bytes_max));
    return clock::now() - begin;
  });
  std::this_thread::sleep_for(milliseconds{100}); // its first packet is dropped

  // All that is let in now is closed again: whoever connects learns of it at once.
  std::atomic<bool> is_over = false;
  ::fcntl(full.number(), F_SETFL, O_NONBLOCK);
  std::thread doorman{[&] {
    while (!is_over) {
      const socket_handle guest{::accept(full.number(), nullptr, nullptr)};
      std::this_thread::sleep_for(milliseconds{1});
    }
  }};
  EXPECT_LT(outcome.get(), milliseconds{900}) << "the system would take a second";
  is_over = true;
  doorman.join();
}

TEST(PeerHttp, GivesUpOnAPeerThatStallsAfterItAccepted) {
  const server peer{[](connection& client) { client.wait_for_the_client_to_leave(); }};

  failure_of_post_to(peer.where());
}

TEST(PeerHttp, GivesUpOnAPeerOnceAStopIsRequested) {
  std::stop_source stop;
  const server peer{[&](connection& client) {
    client.receive_until("question");
    stop.request_stop();
    client.wait_for_the_client_to_leave();
  }};

  failure_of_post_to(peer.where(), long_timeout, stop.get_token());
}

TEST(PeerHttp, GivesUpOnAPeerWhenAStopWasRequestedBefore) {
  std::stop_source stop;
  stop.request_stop();
  const server peer{[](connection& client) { client.wait_for_the_client_to_leave(); }};

  failure_of_post_to(peer.where(), long_timeout, stop.get_token());
}

TEST(PeerHttp, GivesUpOnAPeerThatTakesNoRequest) {
  std::promise<void> over;
  const server peer{[done = over.get_future().share()](connection&) { done.wait(); }};
  const auto begin = clock::now();

  const auto outcome =
      post(peer.where(), "/path", std::string(16 << 20, 'x'), timeout, answer_bytes_max);

  EXPECT_LT(clock::now() - begin, std::chrono::seconds{2});
  EXPECT_TRUE(std::holds_alternative<http_failure>(outcome));
  over.set_value();
}

/// Sends bytes one by one, each soon enough after the one before to keep any timeout that begins
/// anew with each from ending.
void trickle(connection& client, std::string_view bytes) {
  for (const auto c : bytes) {
    if (!client.send({&c, 1}))
      return;
    std::this_thread::sleep_for(milliseconds{20});
  }
}

TEST(PeerHttp, GivesUpOnAPeerThatTricklesItsHeader) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    trickle(client, std::string{ok_head} + "X: " + std::string(150, 'x'));
  }};

  failure_of_post_to(peer.where());
}

TEST(PeerHttp, GivesUpOnAPeerThatTricklesItsBody) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send(std::string{ok_head} + "Content-Length: 150\r\n\r\n");
    trickle(client, std::string(150, 'x'));
  }};

  failure_of_post_to(peer.where());
}

TEST(PeerHttp, GivesUpOnAPeerThatSendsHeadersWithoutEnd) {
  const server peer{[](connection& client) {
    client.receive_until("question");
    client.send(ok_head);
    while (client.send("X-Header: value\r\n"))
      continue;
  }};

  failure_of_post_to(peer.where());
}

TEST(PeerHttp, GivesUpOnAPeerThatHangsUp) {
  const server at_once{[](connection&) {}};
  failure_of_post_to(at_once.where());

  const server within_the_header{[](connection& client) {
    client.receive_until("question");
    client.send("HTTP/1.1 200");
  }};
  failure_of_post_to(within_the_header.where());

  const server within_the_body{[](connection& client) {
    client.receive_until("question");
    client.send(std::string{ok_head} + "Content-Length: 10\r\n\r\nhalf");
  }};
  failure_of_post_to(within_the_body.where());
}

TEST(PeerHttp, GivesUpOnAPeerThatSendsGarbage) {
  for (const std::string& garbage :
       {std::string{"garbage"}, std::string{"\r\n\r\n\r\n"}, std::string{"HTTP/1.1 abc\r\n\r\n"},
        std::string{"SSH-2.0-OpenSSH_9.2\r\n"},
        "HTTP/1.1 200 " + std::string(1 << 20, 'a') + "\r\n\r\n"}) {
    const server peer{[garbage](connection& client) {
      client.receive_until("question");
      client.send(garbage);
    }};

    SCOPED_TRACE(garbage);
    failure_of_post_to(peer.where());
  }
}

TEST(PeerHttp, SurvivesNumbersThatAreNone) {
  for (const std::string head :
       {"HTTP/1.1 999999999999999999 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\nx"}) {
    const server peer{[head](connection& client) {
      client.receive_until("question");
      client.send(head);
    }};
    SCOPED_TRACE(head);
    const auto begin = clock::now();

    const auto outcome = post(peer.where(), "/path", "question", timeout, answer_bytes_max);

    EXPECT_LT(clock::now() - begin, std::chrono::seconds{2});
    if (const auto* answer = std::get_if<http_answer>(&outcome)) {
      EXPECT_LE(answer->body.size(), answer_bytes_max);
    }
  }
}

/// The body of the answer to a post over a connection that may be kept, or why there is none.
std::string answer_to_post(const server& peer, kept_connection& kept,
                           milliseconds limit = long_timeout) {
  const auto outcome = post(peer.where(), "/path", "question", limit, answer_bytes_max, {}, &kept);
  const auto* answer = std::get_if<http_answer>(&outcome);
  return answer != nullptr ? answer->body : "none: " + std::get<http_failure>(outcome).why;
}

/// Answers each question that comes over one connection.
server::script answers(std::vector<std::string> each, std::string_view last = "question") {
  return [each = std::move(each), last](connection& client) {
    for (const auto& one : each) {
      client.receive_until(last);
      client.send(one);
    }
  };
}

TEST(PeerHttp, SendsTheNextRequestOverTheConnectionThatWasKept) {
  kept_connection kept;
  const server peer{answers({answer_of("first"), answer_of("second"), answer_of("third")})};

  EXPECT_EQ(answer_to_post(peer, kept), "first");
  EXPECT_EQ(answer_to_post(peer, kept), "second");
  EXPECT_EQ(answer_to_post(peer, kept), "third");
}

TEST(PeerHttp, KeepsNoConnectionThatThePeerIsAboutToClose) {
  kept_connection kept;
  const server peer{
      {answers({"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 5\r\n\r\nfirst"}),
       answers({answer_of("second")})}};

  EXPECT_EQ(answer_to_post(peer, kept), "first");
  EXPECT_LT(kept.socket.number(), 0);
  EXPECT_EQ(answer_to_post(peer, kept), "second");
}

TEST(PeerHttp, KeepsNoConnectionIfItIsNotAskedTo) {
  std::string asked;
  {
    const server peer{[&](connection& client) {
      asked = client.receive_until("question");
      client.send(answer_of("answer"));
    }};
    EXPECT_TRUE(post(peer.where(), "/path", "question", long_timeout, answer_bytes_max));
  }

  EXPECT_NE(asked.find("Connection: close\r\n"), std::string::npos) << asked;
}

TEST(PeerHttp, SendsARequestAgainIfTheKeptConnectionIsClosed) {
  kept_connection kept;
  const server peer{{[&](connection& client) {
                       client.receive_until("question");
                       client.send(answer_of("first"));
                     },
                     answers({answer_of("second")})}};

  EXPECT_EQ(answer_to_post(peer, kept), "first");
  char end = 0;
  ::recv(kept.socket.number(), &end, 1, MSG_PEEK); // until the peer has closed it
  EXPECT_EQ(answer_to_post(peer, kept), "second");
}

TEST(PeerHttp, SendsARequestAgainIfTheKeptConnectionEndsWithoutAnAnswer) {
  kept_connection kept;
  const server peer{{[&](connection& client) {
                       client.receive_until("question");
                       client.send(answer_of("first"));
                       client.receive_until("question");
                     },
                     answers({answer_of("second")})}};

  EXPECT_EQ(answer_to_post(peer, kept), "first");
  EXPECT_EQ(answer_to_post(peer, kept), "second");
}

TEST(PeerHttp, SendsNoRequestAgainOfWhichAnAnswerHasBegun) {
  kept_connection kept;
  const server peer{{[&](connection& client) {
                       client.receive_until("question");
                       client.send(answer_of("first"));
                       client.receive_until("question");
                       client.send("HTTP/1.1 200");
                     },
                     answers({answer_of("second")})}};

  EXPECT_EQ(answer_to_post(peer, kept), "first");
  EXPECT_EQ(answer_to_post(peer, kept), "none: it hung up without an answer");
}

TEST(PeerHttp, GivesUpOnAPeerThatStallsOverAKeptConnection) {
  kept_connection kept;
  const server peer{[&](connection& client) {
    client.receive_until("question");
    client.send(answer_of("first"));
    client.receive_until("question");
    client.wait_for_the_client_to_leave();
  }};

  EXPECT_EQ(answer_to_post(peer, kept), "first");
  EXPECT_EQ(answer_to_post(peer, kept, timeout), "none: no answer in time");
}

TEST(PeerHttp, UsesAKeptConnectionForItsPeerOnly) {
  kept_connection kept;
  const server one{answers({answer_of("of one"), answer_of("not asked")})};
  const server other{answers({answer_of("of the other")})};

  EXPECT_EQ(answer_to_post(one, kept), "of one");
  EXPECT_EQ(answer_to_post(other, kept), "of the other");
}

} // namespace
} // namespace starling::system
