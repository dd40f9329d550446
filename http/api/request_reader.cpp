#include "http/api/request_reader.hpp"

namespace starling::http {

result<request_reader::progress> request_reader::read(std::string_view bytes) {
  ahead_.append(bytes);
  if (has_head_)
    return read_body();
  auto outcome = read_head(ahead_, seen_);
  if (auto* refused = std::get_if<problem>(&outcome))
    return std::move(*refused);
  if (const auto* incomplete = std::get_if<head_incomplete>(&outcome)) {
    seen_ = ahead_.size();
    return incomplete->begun ? progress::in_head : progress::nothing;
  }
  auto& complete = std::get<head_complete>(outcome);
  ahead_.erase(0, complete.size);
  seen_ = 0;
  has_head_ = true;
  head_ = std::move(complete.what);
  body_ = body_reader{head_.body, body_bytes_max_};
  expects_continue_ = head_.expects_continue && !body_.is_done() && ahead_.empty();
  return read_body();
}

result<request_reader::progress> request_reader::read_body() {
  std::string_view rest = ahead_;
  auto refused = body_.read(rest);
  ahead_.erase(0, ahead_.size() - rest.size());
  if (refused)
    return std::move(*refused);
  return body_.is_done() ? progress::whole : progress::in_body;
}

void request_reader::next() {
  has_head_ = false;
  expects_continue_ = false;
  head_ = {};
  body_ = {};
}

problem request_reader::cut_short() const {
  return has_head_ ? body_.cut_short()
                   : problem{problem_code::bad_request, "the head of the request is cut short"};
}

bool request_reader::takes_expectation() {
  return std::exchange(expects_continue_, false);
}

} // namespace starling::http
