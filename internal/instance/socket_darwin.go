package instance

// maxSocketPathBytes is what fits into sockaddr_un beside the closing NUL.
const maxSocketPathBytes = 103
