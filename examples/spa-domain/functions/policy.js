// Runs on each answer, before the viewer gets it: says what its pages may load. SecurityHeadersPolicy has the other headers.
function handler(event) {
    const response = event.response;
    response.headers['content-security-policy'] = { value: "default-src 'self'" };
    return response;
}
