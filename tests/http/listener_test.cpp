#include "http/listener.hpp"

#include <arpa/inet.h>
#include <array>
#include <atomic>
#include <future>
#include <gmock/gmock.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace starling::http {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using clock = std::chrono::steady_clock;

constexpr std::size_t body_bytes_max = 200'000;

/// A client that says exactly what it is told to. Reads give up after 20 seconds.
class raw_client {
public:
  explicit raw_client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    const timeval patience{20, 0};
    ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(socket_, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0;
  }

  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;
  ~raw_client() { ::close(socket_); }

  bool connected() const { return connected_; }

  /// False if the other side has closed the connection.
  bool send(std::string_view text) {
    while (!text.empty()) {
      const auto sent = ::send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0)
        return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// The next reply, as long as its Content-Length says; without body after HEAD.
  std::string reply(bool has_body = true) {
    while (in_.find("\r\n\r\n") == std::string::npos && receive()) {
    }
    const auto head = in_.find("\r\n\r\n");
    if (head == std::string::npos)
      return std::exchange(in_, {});
    std::size_t size = head + 4;
    const std::string name = "\r\nContent-Length: ";
    const auto field = in_.find(name);
    if (has_body && field < head)
      size += std::stoul(in_.substr(field + name.size()));
    while (in_.size() < size && receive()) {
    }
    auto result = in_.substr(0, size);
    in_.erase(0, size);
    return result;
  }

  std::string ask(std::string_view text) {
    send(text);
    return reply();
  }

  /// Whether the other side closes the connection and says nothing more.
  bool is_closed() { return in_.empty() && !receive() && !timed_out_; }

private:
  bool receive() {
    char buffer[4096];
    const auto size = ::recv(socket_, buffer, sizeof buffer, 0);
    timed_out_ = size < 0 && errno == EAGAIN;
    if (size <= 0)
      return false;
    in_.append(buffer, static_cast<std::size_t>(size));
    return true;
  }

  int socket_;
  bool connected_ = false;
  bool timed_out_ = false;
  std::string in_;
};

/// What the listener understood, as text.
response echo(const request& r) {
  std::string text{r.method};
  text.append(" ").append(r.target);
  const auto show = [&](std::string_view name, std::string_view field) {
    const auto values = values_of(r.head, field);
    text.append(" ").append(name).append("=").append(values.empty() ? "none" : values.front());
  };
  show("type", "content-type");
  show("encoding", "content-encoding");
  show("origin", "origin");
  text.append(" size=").append(std::to_string(r.body.size()));
  if (r.body.size() < 100)
    text.append(" body=").append(r.body);
  return {200, "text/plain", text, {}};
}

std::string post(std::string_view body, std::string_view headers = "") {
  std::string text = "POST /a HTTP/1.1\r\nHost: h\r\n";
  text.append(headers).append("Content-Length: ").append(std::to_string(body.size()));
  return text.append("\r\n\r\n").append(body);
}

std::string chunked(std::string_view chunks) {
  return std::string{"POST /a HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"}.append(
      chunks);
}

const std::string get = "GET /a HTTP/1.1\r\nHost: h\r\n\r\n";

class Listener : public testing::Test {
protected:
  static listener::settings settings() {
    return {.host = "127.0.0.1",
            .port = 0,
            .threads = {4},
            .body_bytes_max = body_bytes_max,
            .silent_timeout = 20s,
            .idle_timeout = 20s,
            .transfer_timeout = 20s};
  }

  void start(listener::settings with = settings(), listener::handler answer = echo) {
    listener_ = std::make_unique<listener>(with, std::move(answer));
    const auto failure = listener_->start();
    ASSERT_FALSE(failure) << *failure;
  }

  /// A request is refused, and the connection closed.
  void expect_refusal(const std::string& text, const std::string& status_line) {
    raw_client client{listener_->port()};
    const auto reply = client.ask(text);
    EXPECT_THAT(reply, StartsWith("HTTP/1.1 " + status_line)) << text.substr(0, 200);
    EXPECT_THAT(reply, HasSubstr("Connection: close\r\n"));
    EXPECT_THAT(reply, HasSubstr("Content-Type: application/problem+json\r\n"));
    EXPECT_TRUE(client.is_closed()) << text.substr(0, 200);
  }

  std::unique_ptr<listener> listener_;
};

TEST_F(Listener, AnswersManyRequestsOnOneConnection) {
  start();
  raw_client client{listener_->port()};

  for (int i = 0; i < 20; ++i)
    EXPECT_THAT(client.ask(post(std::to_string(i))),
                HasSubstr("size=" + std::to_string(std::to_string(i).size()) +
                          " body=" + std::to_string(i)));
}

TEST_F(Listener, HandsOnTheRawTargetAndTheHeadersThatMatter) {
  start();
  raw_client client{listener_->port()};

  EXPECT_THAT(client.ask("GET /sets/a%2Fb%zz?x=%ff HTTP/1.1\r\nHost: h\r\n\r\n"),
              HasSubstr("GET /sets/a%2Fb%zz?x=%ff type=none encoding=none origin=none size=0"));
  EXPECT_THAT(client.ask(post("{}", "content-type: application/json; charset=utf-8\r\n"
                                    "Content-Encoding: gzip\r\nOrigin: null\r\n")),
              HasSubstr("type=application/json; charset=utf-8 encoding=gzip origin=null size=2"));
}

TEST_F(Listener, AnswersAPostWithoutABodyAtOnce) {
  start();
  raw_client client{listener_->port()};

  EXPECT_THAT(client.ask("POST /a HTTP/1.1\r\nHost: h\r\n\r\n"), HasSubstr("POST /a"));
  EXPECT_THAT(client.ask(get), HasSubstr("GET /a"));
}

TEST_F(Listener, ReadsLargeFormsWhole) {
  start();
  raw_client client{listener_->port()};
  const std::string body(100'000, 'x');

  EXPECT_THAT(client.ask(post(body, "Content-Type: application/x-www-form-urlencoded\r\n")),
              HasSubstr("size=100000"));
  EXPECT_THAT(client.ask(post(body, "Content-Type: multipart/form-data; boundary=x\r\n")),
              HasSubstr("size=100000"));
}

TEST_F(Listener, ReadsTheBodyOfEveryMethod) {
  start();
  raw_client client{listener_->port()};

  for (const std::string method : {"GET", "PUT", "DELETE", "PATCH", "OPTIONS"})
    EXPECT_THAT(client.ask(method + " /a HTTP/1.1\r\nHost: h\r\nContent-Length: 28\r\n\r\n" + get),
                HasSubstr(method + " /a type=none encoding=none origin=none size=28"));
}

TEST_F(Listener, ReadsChunks) {
  start();
  raw_client client{listener_->port()};

  EXPECT_THAT(client.ask(chunked("3\r\nabc\r\n00A;x=y\r\n0123456789\r\n0\r\n\r\n")),
              HasSubstr("size=13 body=abc0123456789"));
  EXPECT_THAT(client.ask(chunked("0\r\nTrailer: x\r\n\r\n")), HasSubstr("size=0"));
  EXPECT_THAT(client.ask(get), HasSubstr("GET /a"));
}

TEST_F(Listener, AnswersPipelinedRequestsInOrder) {
  start();
  raw_client client{listener_->port()};

  client.send(post("one") + get + chunked("3\r\ntwo\r\n0\r\n\r\n") + post("three"));

  EXPECT_THAT(client.reply(), HasSubstr("body=one"));
  EXPECT_THAT(client.reply(), HasSubstr("GET /a"));
  EXPECT_THAT(client.reply(), HasSubstr("body=two"));
  EXPECT_THAT(client.reply(), HasSubstr("body=three"));
}

TEST_F(Listener, AnswersHeadWithoutABody) {
  start();
  raw_client client{listener_->port()};

  client.send("HEAD /a HTTP/1.1\r\nHost: h\r\n\r\n");
  const auto head = client.reply(false);
  EXPECT_THAT(head, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(head, HasSubstr("Content-Length: 56\r\n"));
  EXPECT_THAT(client.ask(get), StartsWith("HTTP/1.1 200"));
}

TEST_F(Listener, SendsStatusHeadersAndBodyAsGiven) {
  start(settings(), [](const request& r) -> response {
    if (r.method == "OPTIONS")
      return reply_to_options("GET, HEAD");
    return reply_with(problem{problem_code::method_not_allowed, "no", {}, "GET, HEAD"});
  });
  raw_client client{listener_->port()};

  const auto refused = client.ask(post("{}"));
  EXPECT_THAT(refused, StartsWith("HTTP/1.1 405"));
  EXPECT_THAT(refused, HasSubstr("\r\nAllow: GET, HEAD\r\n"));
  EXPECT_THAT(refused, HasSubstr("\r\nContent-Type: application/problem+json\r\n"));
  EXPECT_THAT(refused, HasSubstr("\r\nCache-Control: no-store\r\n"));
  EXPECT_THAT(refused, HasSubstr("\r\nDate: "));
  EXPECT_THAT(refused, HasSubstr("\"code\": \"method-not-allowed\""));
  const auto options = client.ask("OPTIONS /a HTTP/1.1\r\nHost: h\r\n\r\n");
  EXPECT_THAT(options, StartsWith("HTTP/1.1 204"));
  EXPECT_THAT(options, Not(HasSubstr("Content-Length")));
  EXPECT_THAT(options, Not(HasSubstr("Content-Type")));
}

TEST_F(Listener, NeitherCompressesNorCutsReplies) {
  start();
  raw_client client{listener_->port()};

  const auto reply = client.ask("GET /a HTTP/1.1\r\nHost: h\r\nAccept-Encoding: gzip, br\r\n"
                                "Range: bytes=0-1\r\n\r\n");
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(reply, HasSubstr("GET /a type=none"));
}

TEST_F(Listener, ClosesWhenTheClientAsksForIt) {
  start();
  raw_client client{listener_->port()};
  EXPECT_THAT(client.ask("GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
              HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(client.is_closed());

  raw_client old{listener_->port()};
  EXPECT_THAT(old.ask("GET /a HTTP/1.0\r\n\r\n"), HasSubstr("Connection: close\r\n"));
  EXPECT_TRUE(old.is_closed());
}

TEST_F(Listener, SaysThatAConnectionStaysOpen) {
  start();
  raw_client old{listener_->port()};
  for (int i = 0; i < 3; ++i)
    EXPECT_THAT(old.ask("GET /a HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
                AllOf(HasSubstr("Connection: keep-alive\r\n"), HasSubstr("Content-Length: "),
                      HasSubstr("Keep-Alive: timeout=20\r\n")));

  raw_client client{listener_->port()};
  EXPECT_THAT(client.ask(get),
              AllOf(HasSubstr("Keep-Alive: timeout=20\r\n"), Not(HasSubstr("Connection: close"))));
}

TEST_F(Listener, TellsAClientThatWaitsToSendItsBody) {
  start();
  raw_client client{listener_->port()};

  client.send("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.reply(), "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_THAT(client.ask("{}"), HasSubstr("body={}"));

  expect_refusal("POST /a HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n"
                 "Content-Length: 200001\r\n\r\n",
                 "413");
}

TEST_F(Listener, RefusesABodyBeyondTheLimit) {
  start();
  const std::string large(body_bytes_max + 1, 'x');

  expect_refusal(post(large), "413");
  expect_refusal("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 200001\r\n\r\n", "413");
  expect_refusal("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n",
                 "413");
  expect_refusal(chunked("30D41\r\n"), "413");
  expect_refusal(chunked("FFFFFFFFFFFFFFFFF\r\n"), "413");
  expect_refusal(chunked("20000\r\n" + std::string(0x20000, 'x') + "\r\n20000\r\n"), "413");
}

TEST_F(Listener, DoesNotReadForEverWhatItHasRefused) {
  start();
  raw_client client{listener_->port()};
  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999\r\n\r\n");
  const std::string megabyte(1 << 20, 'x');

  int sent = 0;
  while (sent < 1000 && client.send(megabyte))
    ++sent;

  EXPECT_LT(sent, 1000);
}

TEST_F(Listener, RefusesAnUnclearLength) {
  start();
  const std::string head = "POST /a HTTP/1.1\r\nHost: h\r\n";
  for (const auto* fields : {
           "Content-Length: abc\r\n",
           "Content-Length: -1\r\n",
           "Content-Length: +1\r\n",
           "Content-Length: 0x1\r\n",
           "Content-Length: 1 1\r\n",
           "Content-Length: 1,1\r\n",
           "Content-Length: 1\r\nContent-Length: 1\r\n",
           "Content-Length: 1\r\nContent-Length: 2\r\n",
           "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: gzip, chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: identity\r\n",
       })
    expect_refusal(head + fields + "\r\n", "400");
  expect_refusal("POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "400");
}

TEST_F(Listener, RefusesMalformedChunks) {
  start();
  for (const auto* chunks : {"\r\n", "x\r\n", "-1\r\n", "+1\r\n", "0x1\r\na\r\n", " 1\r\na\r\n",
                             "1\r\nab\r\n", "2\r\na\r\n0\r\n\r\n"})
    expect_refusal(chunked(chunks), "400");
  expect_refusal(chunked(std::string(2000, '0')), "400");
  std::string trailers;
  for (int i = 0; i < 100; ++i)
    trailers += "T: x\r\n";
  expect_refusal(chunked("0\r\n" + trailers), "400");
}

TEST_F(Listener, RefusesWhatIsNotHttp) {
  start();
  for (const auto* text :
       {"hello\r\n\r\n", "\r\n\r\n\r\n\r\n\r\n\r\n", "GET /a b HTTP/1.1\r\n\r\n",
        "GET /a HTTP/1.1\r\n\r\n", "GET /a HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"})
    expect_refusal(text, "400");
  expect_refusal("BREW /a HTTP/1.1\r\nHost: h\r\n\r\n", "501");
  expect_refusal("GET /a HTTP/3.0\r\nHost: h\r\n\r\n", "505");
  expect_refusal("GET /a HTTP/1.1\r\nHost: h\r\nExpect: tea\r\n\r\n", "417");
}

TEST_F(Listener, TakesNoBodyForARequest) {
  start();
  const std::string hidden = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
  for (const std::string fields :
       {"Content-Length : 42\r\n", "Content-Length\t: 42\r\n", "Content-Length:\r\n",
        "Transfer-Encoding : chunked\r\n", "Transfer-Encoding:\r\n chunked\r\n",
        "Content-Length:\r\n 42\r\n", "Content-Length: 42\nX: y\r\n", "Content-Length 42\r\n",
        "X: x\rContent-Length: 42\r\n", "Content-Length: %34%32\r\n", "X\x01: y\r\n"})
    expect_refusal("POST /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + hidden, "400");
}

TEST_F(Listener, RefusesAHeadBeyondItsLimit) {
  start();
  std::string fields;
  while (fields.size() < 20'000)
    fields += "X: y\r\n";
  expect_refusal("GET /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n", "431");
  expect_refusal("GET /a HTTP/1.1\r\nHost: h\r\nX: " + std::string(1'000'000, 'x'), "431");
  expect_refusal("GET /" + std::string(10'000, 'x') + " HTTP/1.1\r\nHost: h\r\n\r\n", "414");
  expect_refusal(std::string(1'000'000, 'x'), "414");
}

TEST_F(Listener, AnswersAHandlerThatThrowsWithAProblem) {
  start(settings(), [](const request&) -> response { throw std::runtime_error{"private"}; });
  raw_client client{listener_->port()};

  const auto reply = client.ask(get);

  EXPECT_THAT(reply, StartsWith("HTTP/1.1 500"));
  EXPECT_THAT(reply, Not(HasSubstr("private")));
}

// -- those that take their time --

TEST_F(Listener, ClosesAConnectionThatIsIdleForTooLong) {
  auto with = settings();
  with.silent_timeout = 20ms;
  with.idle_timeout = 30ms;
  start(with);

  raw_client silent{listener_->port()};
  EXPECT_TRUE(silent.is_closed());
  raw_client idle{listener_->port()};
  EXPECT_THAT(idle.ask(get), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(idle.is_closed());
}

TEST_F(Listener, GivesUpOnARequestThatTakesTooLong) {
  auto with = settings();
  with.transfer_timeout = 20ms;
  start(with);

  raw_client head{listener_->port()};
  head.send("GET /a HT");
  EXPECT_THAT(head.reply(), StartsWith("HTTP/1.1 408"));
  EXPECT_TRUE(head.is_closed());
  raw_client body{listener_->port()};
  body.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{");
  const auto reply = body.reply();
  EXPECT_THAT(reply, StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(reply, HasSubstr("\"request-timed-out\""));
  EXPECT_TRUE(body.is_closed());
}

TEST_F(Listener, GivesASlowHeadNoMoreTimeForEachByte) {
  auto with = settings();
  with.transfer_timeout = 100ms;
  start(with);
  raw_client client{listener_->port()};

  for (int i = 0; i < 500 && client.send("G"); ++i)
    std::this_thread::sleep_for(10ms); // it is refused long before the 500 are over

  EXPECT_FALSE(client.send("G"));
}

TEST_F(Listener, WaitsForABodyThatMakesProgress) {
  auto with = settings();
  with.transfer_timeout = 1s;
  start(with);
  raw_client client{listener_->port()};
  const std::string piece(10'000, 'x');

  client.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n");
  for (int i = 0; i < 10; ++i) {
    std::this_thread::sleep_for(200ms); // 2 s in all
    client.send(piece);
  }

  EXPECT_THAT(client.reply(), HasSubstr("size=100000"));
}

TEST_F(Listener, ClosesOnAReaderThatTakesNothing) {
  std::promise<std::string> reason;
  auto with = settings();
  with.transfer_timeout = 50ms;
  with.observer.refused = [&](std::string_view why, const std::string&) {
    reason.set_value(std::string{why});
  };
  start(with, [](const request&) -> response {
    return {200, "text/plain", std::string(64 << 20, 'x'), {}};
  });
  raw_client client{listener_->port()};

  client.send(get);

  EXPECT_EQ(reason.get_future().get(), "slow-reader");
}

TEST_F(Listener, SendsAWholeAnswerToASlowReader) {
  auto with = settings();
  with.transfer_timeout = 1s;
  const std::string body(16 << 20, 'x');
  start(with, [&](const request&) -> response { return {200, "text/plain", body, {}}; });
  raw_client client{listener_->port()};

  client.send(get);
  std::this_thread::sleep_for(500ms); // the buffers between the two are full
  EXPECT_GT(client.reply().size(), body.size());
  EXPECT_THAT(client.ask(get), StartsWith("HTTP/1.1 200"));
}

TEST_F(Listener, HoldsNoThreadForThoseWhoHaveNotAsked) {
  auto with = settings();
  with.threads = {1};
  start(with);
  std::vector<std::unique_ptr<raw_client>> others;
  for (int i = 0; i < 50; ++i) {
    for (const auto* begun : {"", "GET /a HT",
                              "POST /a HTTP/1.1\r\nHost: h\r\n"
                              "Content-Length: 9\r\n\r\n{"})
      others.emplace_back(std::make_unique<raw_client>(listener_->port()))->send(begun);
    others.emplace_back(std::make_unique<raw_client>(listener_->port()))->ask(get); // idle since
  }

  raw_client client{listener_->port()};
  const auto begin = clock::now();
  EXPECT_THAT(client.ask(get), StartsWith("HTTP/1.1 200"));
  EXPECT_LT(clock::now() - begin, 10s); // every timeout is 20 s
}

TEST_F(Listener, KeepsRequestsOfOneLaneFromHoldingUpAnother) {
  std::promise<void> go_on;
  const auto going_on = go_on.get_future().share();
  auto with = settings();
  with.threads = {1, 1};
  with.lane_of = [](std::string_view target) { return target == "/healthz" ? 1 : 0; };
  start(with, [&](const request& r) {
    if (r.target == "/a")
      going_on.wait();
    return echo(r);
  });
  std::array<std::unique_ptr<raw_client>, 3> stuck;
  for (auto& client : stuck)
    (client = std::make_unique<raw_client>(listener_->port()))->send(get);

  raw_client client{listener_->port()};
  EXPECT_THAT(client.ask("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"), StartsWith("HTTP/1.1 200"));

  go_on.set_value();
  for (auto& one : stuck)
    EXPECT_THAT(one->reply(), HasSubstr("GET /a"));
}

// -- as many as there is room for --

TEST_F(Listener, ClosesThoseWhoSayNothingForOthers) {
  std::atomic<int> closed = 0;
  auto with = settings();
  with.connections_max = 4;
  with.observer.refused = [&](std::string_view why, const std::string&) {
    closed += why == "full";
  };
  start(with);
  raw_client idle{listener_->port()};
  idle.ask(get);
  std::vector<std::unique_ptr<raw_client>> silent;
  for (int i = 0; i < 20; ++i) {
    silent.push_back(std::make_unique<raw_client>(listener_->port()));
    raw_client busy{listener_->port()};
    EXPECT_THAT(busy.ask(get), StartsWith("HTTP/1.1 200")) << i;
  }

  EXPECT_THAT(idle.ask(get), StartsWith("HTTP/1.1 200")) << "the silent ones go first";
  EXPECT_GE(closed, 16);
}

TEST_F(Listener, TellsThoseForWhomThereIsNoRoom) {
  std::promise<void> go_on;
  const auto going_on = go_on.get_future().share();
  auto with = settings();
  with.connections_max = 2;
  std::atomic<int> started = 0;
  start(with, [&](const request& r) {
    ++started;
    going_on.wait();
    return echo(r);
  });
  raw_client first{listener_->port()};
  raw_client second{listener_->port()};
  first.send(get);
  second.send(get);

  while (started < 2)
    std::this_thread::yield();

  raw_client third{listener_->port()};
  const auto refused = third.reply();
  go_on.set_value();

  EXPECT_THAT(refused, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(refused, HasSubstr("Retry-After: "));
  EXPECT_THAT(refused, HasSubstr("\"too-busy\""));
  EXPECT_THAT(first.reply(), StartsWith("HTTP/1.1 200"));
  EXPECT_THAT(second.reply(), StartsWith("HTTP/1.1 200"));
}

TEST_F(Listener, HoldsNoMoreThanItsMemory) {
  auto with = settings();
  with.bytes_max = 1;
  start(with); // two bodies fit in any case
  const std::string large(body_bytes_max - 1, 'x');
  const auto begun =
      "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: " + std::to_string(body_bytes_max) +
      "\r\n\r\n" + large;
  raw_client first{listener_->port()};
  first.send(begun);
  raw_client second{listener_->port()};
  second.send(begun);
  raw_client third{listener_->port()};
  third.send(begun);

  EXPECT_THAT(first.reply(), StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(second.ask("x"), HasSubstr("size=200000"));
  EXPECT_THAT(third.ask("x"), HasSubstr("size=200000"));
}

TEST_F(Listener, SaysWhomItRefusedAndWhy) {
  std::promise<std::pair<std::string, std::string>> refusal;
  auto with = settings();
  with.observer.refused = [&](std::string_view why, const std::string& address) {
    refusal.set_value({std::string{why}, address});
  };
  start(with);

  expect_refusal("BREW /a HTTP/1.1\r\nHost: h\r\n\r\n", "501");

  EXPECT_THAT(refusal.get_future().get(), testing::Pair("unknown-method", "127.0.0.1"));
}

TEST_F(Listener, SaysWhyItCannotOpenAPort) {
  start();
  auto taken = settings();
  taken.port = listener_->port();
  listener second{taken, echo};
  EXPECT_THAT(second.start().value_or(""),
              HasSubstr("port " + std::to_string(taken.port) + ": Address already in use"));

  auto nowhere = settings();
  nowhere.host = "not an address";
  EXPECT_THAT(listener(nowhere, echo).start().value_or(""), StartsWith("cannot listen on"));
}

TEST_F(Listener, StopsAtOnceWithIdleConnectionsAndHalfRequests) {
  start();
  raw_client idle{listener_->port()};
  idle.ask(get);
  raw_client silent{listener_->port()};
  raw_client half{listener_->port()};
  half.send("GET /a HT");
  raw_client bodyless{listener_->port()};
  bodyless.send("POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{");
  raw_client queued{listener_->port()};

  const auto begin = clock::now();
  listener_->stop();

  EXPECT_LT(clock::now() - begin, 5s); // every timeout is 20 s
  EXPECT_TRUE(idle.is_closed());
  EXPECT_FALSE(raw_client{listener_->port()}.connected());
}

TEST_F(Listener, AnswersRequestsUnderWayBeforeItStops) {
  std::promise<void> started;
  std::promise<void> go_on;
  start(settings(), [&](const request& r) {
    started.set_value();
    go_on.get_future().wait();
    return echo(r);
  });
  raw_client client{listener_->port()};
  client.send(get);
  started.get_future().wait();

  std::thread stopping{[this] { listener_->stop(); }};
  while (raw_client{listener_->port()}.connected()) // until the port is closed
    std::this_thread::yield();
  go_on.set_value();
  stopping.join();

  EXPECT_THAT(client.reply(), HasSubstr("GET /a"));
  EXPECT_TRUE(client.is_closed());
}

TEST_F(Listener, StopsTwiceOrWithoutAStart) {
  listener never{settings(), echo};
  never.stop();
  start();
  listener_->stop();
  listener_->stop();
}

TEST_F(Listener, OpensItsPortAgainRightAfterAStop) {
  start();
  auto with = settings();
  with.port = listener_->port();
  raw_client client{with.port};
  client.ask(get);
  listener_->stop();

  start(with);
  raw_client again{with.port};
  EXPECT_THAT(again.ask(get), StartsWith("HTTP/1.1 200"));
}

TEST_F(Listener, ServesManyClientsAtOnce) {
  start();
  std::vector<std::future<int>> clients;
  for (int i = 0; i < 8; ++i)
    clients.push_back(std::async(std::launch::async, [this] {
      int answered = 0;
      for (int n = 0; n < 50; ++n) {
        raw_client client{listener_->port()};
        answered += client.ask(post("{}")).starts_with("HTTP/1.1 200");
      }
      return answered;
    }));
  for (auto& client : clients)
    EXPECT_EQ(client.get(), 50);
}

} // namespace
} // namespace starling::http
