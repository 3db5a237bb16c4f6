function handler(event) {
    const host = event.request.headers.host.value;
    return {
        statusCode: 301,
        headers: { location: { value: `https://www.${host}${event.request.uri}` } },
    };
}
